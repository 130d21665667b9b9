//! One attempt against small servers on loopback, each of which behaves in one way.

#![allow(clippy::unwrap_used, reason = "tests")]

mod connections;
mod eras;
mod refusals;
mod secure;
mod server;

use super::*;

fn target(url: impl Into<String>) -> Target {
    Target { url: url.into(), tls: Tls::SystemRoots, era: None }
}

async fn attempt(url: impl Into<String>) -> Result<Answer, Unanswered> {
    Client::new(Vec::new()).attempt(&target(url)).await
}

/// The words for a failure. An answer is a failure of the test.
async fn failure(url: impl Into<String>) -> String {
    attempt(url).await.unwrap_err().to_string()
}

fn verified(answer: &Result<Answer, Unanswered>) -> (Era, &ServerInfo) {
    match answer {
        Ok(Answer::Verified { era, info }) => (*era, info),
        other => panic!("not verified: {other:?}"),
    }
}

/// A client that waits for answers no longer than it must.
fn hasty() -> Client {
    let short = Duration::from_millis(200);
    Client { patience: Patience { discover: short, initialize: short, ..Patience::USUAL }, ..Client::new(Vec::new()) }
}
