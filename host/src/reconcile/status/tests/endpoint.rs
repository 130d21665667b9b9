//! Where the server is asked, and how its certificate is checked.

use super::*;
use crate::handshake::Tls as Check;
use crate::reconcile::scripted::{Script, refuses, says, scripted};

fn server(config: &serde_json::Value, tls: &serde_json::Value) -> MCPServer {
    serde_json::from_value(json!({
        "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer",
        "metadata": {"name": "weather", "namespace": "team-a", "uid": "u"},
        "spec": {"source": {"type": "ContainerImage"}, "config": config, "transport": {"tls": tls}},
    }))
    .unwrap()
}

#[test]
fn url_has_scheme_service_domain_port_and_path() {
    let plain = json!({"port": 8080});
    let (on, off) = (json!({"enabled": true}), json!({"enabled": false}));
    let mut renamed = record();
    renamed.objects[0].name = "weather-2".into();
    let table = [
        (&plain, &off, "cluster.local", record(), URL),
        (&plain, &on, "cluster.local", record(), "https://weather.team-a.svc.cluster.local:8080/mcp"),
        (&plain, &off, "corp.example", record(), "http://weather.team-a.svc.corp.example:8080/mcp"),
        (&plain, &off, "cluster.local", renamed, "http://weather-2.team-a.svc.cluster.local:8080/mcp"),
        (
            &json!({"port": 443, "path": "/v2/mcp"}),
            &on,
            "corp.example",
            record(),
            "https://weather.team-a.svc.corp.example:443/v2/mcp",
        ),
    ];
    for (config, tls, domain, record, expected) in table {
        assert_eq!(url(&server(config, tls), Some(&record), domain), expected);
    }
    assert_eq!(url(&server(&plain, &off), None, "cluster.local"), URL, "before anything was applied");
}

/// How the certificate is checked, and what was read for it.
async fn check(tls: &serde_json::Value, secret: serde_json::Value) -> (Check, Vec<String>) {
    let (script, ctx) = scripted([says(200, secret)]);
    let server = server(&json!({"port": 8080}), tls);
    let check = super::super::tls(&server, &Identity::of(&server), &ctx).await.unwrap();
    (check, Script::calls(&script))
}

#[tokio::test]
async fn certificates_are_checked_as_the_server_says() {
    let bundle = |enabled: bool| json!({"enabled": enabled, "caBundleSecret": {"name": "ca"}});
    let secret = || json!({"metadata": {"name": "ca"}, "data": {"ca.crt": "UEVN", "tls.key": "a2V5"}});
    let nothing = Vec::<String>::new;
    let read = || vec!["GET secrets".to_owned()];
    assert_eq!(check(&json!({"enabled": true}), secret()).await, (Check::SystemRoots, nothing()));
    assert_eq!(
        check(&json!({"enabled": true, "insecureSkipVerify": true}), secret()).await,
        (Check::SkipVerify, nothing())
    );
    assert_eq!(check(&bundle(true), secret()).await, (Check::Roots(b"PEM".to_vec()), read()));
    assert_eq!(check(&bundle(false), secret()).await, (Check::SystemRoots, nothing()));
    // The system's roots would be others than the author meant.
    assert_eq!(check(&bundle(true), json!({"metadata": {}})).await, (Check::Roots(Vec::new()), read()));
}

#[tokio::test]
async fn a_bundle_that_cannot_be_read_says_nothing_about_the_server() {
    let server = server(&json!({"port": 8080}), &json!({"enabled": true, "caBundleSecret": {"name": "ca"}}));
    let (_, ctx) = scripted([refuses(503)]);
    assert!(super::super::tls(&server, &Identity::of(&server), &ctx).await.is_err());
}
