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

#[test]
fn the_longest_attempt_ends_within_15_s_and_no_request_takes_more_than_10() {
    let Patience { connect, discover, initialize, close } = Patience::USUAL;
    assert!(discover + initialize + close <= Duration::from_secs(15));
    assert!(connect < discover.min(initialize), "connecting is part of asking");
    assert!([discover, initialize, close].into_iter().all(|step| step <= Duration::from_secs(10)));
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
