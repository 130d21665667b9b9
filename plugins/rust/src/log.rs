//! Words for the plugin's author.

use crate::Level;

/// Writes one line to the log: the host shows the last ones with a failure, unit tests print it.
pub fn log(level: Level, message: &str) {
    #[cfg(target_family = "wasm")]
    crate::wit::mcp::render::log::emit(level, message);
    #[cfg(not(target_family = "wasm"))]
    eprintln!("{level:?}: {message}");
}

/// Lets a panic leave its message and place in the log. Without this, a plugin that panics just stops.
pub(crate) fn report_panics() {
    std::panic::set_hook(Box::new(|panic| log(Level::Error, &panic.to_string())));
}
