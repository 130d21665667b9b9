//! The default render plugin.
