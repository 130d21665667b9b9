//! Why there is no component. What differs is who has to act.

/// Why a project was not built.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The project does not build, or is no render plugin: its author has to change it.
    #[error("{0}")]
    Broken(String),
    /// It was not tried: there is no project, or a tool is missing. The message says what to do, for a tool with the
    /// command that installs it.
    #[error("{0}")]
    NotTried(String),
    /// A file could not be read or written, or this machine cannot run WebAssembly.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}
