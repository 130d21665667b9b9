//! A progress bar on the standard error, where that is a terminal; else nothing.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar that counts `what`.
pub fn bar(what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}").expect("the template is one");
    ProgressBar::no_length().with_style(style).with_message(what)
}

/// Moves the bar to where work is: so many of so many.
pub fn on(bar: &ProgressBar) -> impl Fn(usize, usize) + Sync {
    |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    }
}
