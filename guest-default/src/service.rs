//! The Service: one stable address for the server's pods.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::metadata;
use crate::server::Server;

/// The Service of `server`. Unless the server is stateless, a client stays with one pod, because MCP sessions live there.
pub fn render(server: &Server) -> Service {
    let affinity = if server.spec.mcp.stateless { "None" } else { "ClientIP" };
    Service {
        metadata: metadata::child(server),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".into()),
            selector: Some(metadata::identity(server)),
            ports: Some(vec![ServicePort {
                name: Some("mcp".into()),
                port: server.spec.config.port,
                target_port: Some(IntOrString::String("mcp".into())),
                protocol: Some("TCP".into()),
                ..ServicePort::default()
            }]),
            session_affinity: Some(affinity.into()),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}
