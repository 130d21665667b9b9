//! When a server is asked, and which answers are told.

use super::*;
use crate::handshake::{Client, Unanswered};

fn subject(pod: &str) -> Subject {
    Subject { url: "http://a".into(), pods: vec![(pod.into(), 0)], generation: 1 }
}

/// What happens between a question and its answer.
fn asked(entry: &mut Entry, subject: &Subject) {
    entry.begin(subject.clone(), Tls::SystemRoots);
}

#[tokio::test(start_paused = true)]
async fn a_server_is_asked_once_and_again_when_its_pods_change() {
    let mut entry = Entry::default();
    assert!(entry.is_due(&subject("a")));
    asked(&mut entry, &subject("a"));
    assert!(!entry.is_due(&subject("b")), "not while the first question is open");
    entry.conclude(Ok(Answer::AuthRequired));
    tokio::time::advance(Duration::from_hours(1)).await;
    assert!(!entry.is_due(&subject("a")));
    assert!(entry.is_due(&subject("b")));
}

#[tokio::test(start_paused = true)]
async fn a_container_that_was_restarted_is_asked_again() {
    let mut entry = Entry::default();
    asked(&mut entry, &subject("a"));
    entry.conclude(Ok(Answer::AuthRequired));
    let pods = |restarts: i32| Subject { pods: vec![("a".into(), restarts)], ..subject("a") };
    assert!(!entry.is_due(&pods(0)));
    assert!(entry.is_due(&pods(1)), "the same pod runs another process");
}

#[test]
fn a_server_is_asked_as_it_answered_before() {
    let mut entry = Entry::default();
    let begin = |entry: &mut Entry, pod: &str| entry.begin(subject(pod), Tls::SkipVerify);
    let Target { url, tls, era } = begin(&mut entry, "a");
    assert_eq!((url.as_str(), tls, era), ("http://a", Tls::SkipVerify, None));
    for era in [Era::Session, Era::Stateless] {
        entry.conclude(Ok(verified(era)));
        assert_eq!(begin(&mut entry, "a").era, Some(era));
        entry.conclude(Err(Unanswered::unreadable()));
        assert_eq!(begin(&mut entry, "b").era, Some(era), "also after a failure, and about other pods");
    }
}

fn verified(era: Era) -> Answer {
    let info = crate::handshake::ServerInfo {
        name: None,
        version: None,
        protocol_version: "2025-11-25".into(),
        instructions: None,
        capabilities: crate::handshake::Capabilities::default(),
    };
    Answer::Verified { era, info }
}

#[tokio::test(start_paused = true)]
async fn an_answer_about_changed_pods_is_confirmed_once() {
    let mut entry = Entry::default();
    for pod in ["a", "b"] {
        asked(&mut entry, &subject(pod));
        entry.conclude(Ok(Answer::AuthRequired));
    }
    assert!(!entry.is_due(&subject("b")), "not at once");
    tokio::time::advance(SETTLING.mul_f64(1.1)).await;
    assert!(entry.is_due(&subject("b")), "the first answer may have been the old pod's");
    asked(&mut entry, &subject("b"));
    entry.conclude(Ok(Answer::AuthRequired));
    tokio::time::advance(Duration::from_hours(1)).await;
    assert!(!entry.is_due(&subject("b")), "the second was not");
}

/// Asks, fails, and waits until the next question is due.
async fn failed(entry: &mut Entry, subject: &Subject) {
    asked(entry, subject);
    entry.conclude(Err(Unanswered::unreadable()));
    let next = entry.next.expect("a failure is asked about again");
    assert!(!entry.is_due(subject), "not at once");
    tokio::time::advance(next - Instant::now()).await;
    assert!(entry.is_due(subject));
}

#[tokio::test(start_paused = true)]
async fn failures_about_changed_pods_are_told_only_when_they_last() {
    let mut entry = Entry::default();
    let told = |entry: &Entry| entry.last.as_ref().map(|outcome| outcome.is_ok());
    for _ in 0..2 {
        failed(&mut entry, &subject("a")).await;
        assert_eq!(told(&entry), None, "no node may lead to the first pod yet");
    }
    asked(&mut entry, &subject("a"));
    entry.conclude(Ok(Answer::AuthRequired));
    assert_eq!(told(&entry), Some(true));
    let changed = Instant::now();
    for _ in 0..2 {
        failed(&mut entry, &subject("b")).await;
        assert_eq!(told(&entry), Some(true), "it may have been the old pod's end");
    }
    failed(&mut entry, &subject("b")).await;
    assert_eq!(told(&entry), Some(false), "by now every node leads to the new one");
    assert!(changed.elapsed() > SETTLING);
}

#[tokio::test(start_paused = true)]
async fn failures_about_another_spec_of_the_same_pods_are_told_after_a_second_look() {
    let mut entry = Entry::default();
    asked(&mut entry, &subject("a"));
    entry.conclude(Ok(Answer::AuthRequired));
    let changed = Subject { generation: 2, ..subject("a") };
    for told in [true, false] {
        failed(&mut entry, &changed).await;
        assert_eq!(entry.last.as_ref().map(|outcome| outcome.is_ok()), Some(told));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_told_of_after_two_attempts() {
    let mut entry = Entry::default();
    for told in [false, true] {
        asked(&mut entry, &subject("a"));
        tokio::time::advance(Duration::from_secs(13)).await;
        entry.conclude(Err(Unanswered::unreadable()));
        assert_eq!(entry.last.is_some(), told);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_a_first_failure_is_confirmed_like_any_other_about_changed_pods() {
    let mut entry = Entry::default();
    asked(&mut entry, &subject("a"));
    entry.conclude(Ok(Answer::AuthRequired));
    for outcome in [Err(Unanswered::unreadable()), Ok(Answer::AuthRequired)] {
        asked(&mut entry, &subject("b"));
        entry.conclude(outcome);
    }
    tokio::time::advance(SETTLING.mul_f64(1.1)).await;
    assert!(entry.is_due(&subject("b")));
}

#[tokio::test(start_paused = true)]
async fn failures_are_asked_about_again_less_and_less_often() {
    let mut entry = Entry::default();
    for _ in 0..2 {
        failed(&mut entry, &subject("a")).await;
    }
    for seconds in [10, 20, 40, 80, 120, 120] {
        asked(&mut entry, &subject("a"));
        entry.conclude(Err(Unanswered::unreadable()));
        tokio::time::advance(Duration::from_millis(seconds * 1000 - 1)).await;
        assert!(!entry.is_due(&subject("a")), "before {seconds} s");
        tokio::time::advance(Duration::from_secs(seconds).mul_f64(0.1) + Duration::from_millis(2)).await;
        assert!(entry.is_due(&subject("a")), "after {seconds} s and a tenth");
    }
    for _ in 0..2 {
        failed(&mut entry, &subject("b")).await;
    }
    asked(&mut entry, &subject("b"));
    entry.conclude(Err(Unanswered::unreadable()));
    tokio::time::advance(Duration::from_secs(12)).await;
    assert!(entry.is_due(&subject("b")), "other pods start the back-off anew");
    asked(&mut entry, &subject("b"));
    entry.conclude(Ok(Answer::AuthRequired));
    asked(&mut entry, &subject("b"));
    entry.conclude(Err(Unanswered::unreadable()));
    tokio::time::advance(Duration::from_secs(12)).await;
    assert!(entry.is_due(&subject("b")), "and so does an answer");
}

#[tokio::test(start_paused = true)]
async fn servers_that_failed_together_are_asked_again_apart() {
    const SERVERS: usize = 1000;
    let now = Instant::now();
    let mut next: Vec<Duration> = (0..SERVERS)
        .map(|_| {
            let mut entry = Entry { subject: Some(subject("a")), ..Entry::default() };
            asked(&mut entry, &subject("a"));
            entry.conclude(Err(Unanswered::unreadable()));
            entry.next.expect("a failure is asked about again") - now
        })
        .collect();
    next.sort();
    // A tenth of them within a twentieth of the time would be a crowd.
    let together = |window: &[Duration]| window[window.len() - 1] < window[0] + Duration::from_millis(50);
    assert!(!next.windows(SERVERS / 10).any(together), "from {:?} to {:?}", next[0], next[SERVERS - 1]);
}

/// An address that takes connections and never answers.
async fn silent() -> (tokio::net::TcpListener, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/mcp", listener.local_addr().expect("its address"));
    (listener, url)
}

#[tokio::test]
async fn servers_that_fail_again_leave_slots_to_those_that_were_not_asked_yet() {
    let (_listener, url) = silent().await;
    let (answered, mut answers) = mpsc::unbounded_channel();
    let verifier = Verifier::new(Client::new(Vec::new()), 2, Metrics::default(), answered);
    for number in 0..10 {
        let uid = format!("hanging-{number}");
        let subject = Subject { url: url.clone(), ..subject("a") };
        let failed = Entry { subject: Some(subject.clone()), failures: 1, ..Entry::default() };
        verifier.shared.servers().insert(uid.clone(), failed);
        verifier.ask(&uid, (String::new(), uid.clone()), subject, Tls::SystemRoots);
    }
    tokio::task::yield_now().await;
    let refused = Subject { url: "http://127.0.0.1:1/mcp".into(), ..subject("a") };
    verifier.ask("new", (String::new(), "new".into()), refused, Tls::SystemRoots);
    let first = answers.recv().await.expect("an answer");
    assert_eq!(first.1, "new");
}
