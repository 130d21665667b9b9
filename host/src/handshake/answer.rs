//! Reads one answer, JSON or event stream, up to the message that ends it and never beyond a size.
//!
//! The rest of a stream is not read: it may have no end. Time is not limited here.

use std::pin::pin;

use futures::{Stream, StreamExt};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use hyper::body::Bytes;
use rmcp::model::ServerJsonRpcMessage;
use serde_json::error::Category;
use sse_stream::{Error as StreamError, SseStream};

use super::failure::Failure;

/// Most bytes that are read of one answer, comments and other messages of an event stream included. Read as JSON, many small
/// values take a hundred times as much memory.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// The response or error in the body of `response`, whatever it answers.
pub(super) async fn read(response: reqwest::Response) -> Result<ServerJsonRpcMessage, Failure> {
    let media_type = media_type(response.headers());
    match media_type.as_str() {
        "application/json" => read_json(bounded(response)).await,
        "text/event-stream" => read_stream(bounded(response)).await,
        _ => Err(Failure::MediaType(media_type)),
    }
}

async fn read_json(chunks: impl Stream<Item = Result<Bytes, Failure>>) -> Result<ServerJsonRpcMessage, Failure> {
    let mut chunks = pin!(chunks);
    let mut body = Vec::new();
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk?);
    }
    parse(&body)
}

/// The first response or error of an event stream. What a server sends before it (log messages, pings) is passed over:
/// the operator offers nothing that could be asked of it.
async fn read_stream(chunks: impl Stream<Item = Result<Bytes, Failure>>) -> Result<ServerJsonRpcMessage, Failure> {
    let mut events = pin!(SseStream::from_bytes_stream(chunks));
    while let Some(event) = events.next().await {
        let data = event.map_err(of_stream)?.data.unwrap_or_default();
        // A stream may begin with an empty event that only carries an id.
        if data.trim().is_empty() {
            continue;
        }
        let message = parse(data.as_bytes())?;
        if matches!(message, ServerJsonRpcMessage::Response(_) | ServerJsonRpcMessage::Error(_)) {
            return Ok(message);
        }
    }
    Err(Failure::StreamEnded)
}

fn of_stream(error: StreamError) -> Failure {
    match error {
        StreamError::Body(cause) => cause.downcast().map_or(Failure::Closed, |failure| *failure),
        _ => Failure::MalformedStream,
    }
}

fn parse(json: &[u8]) -> Result<ServerJsonRpcMessage, Failure> {
    serde_json::from_slice(json).map_err(|error| match error.classify() {
        Category::Data => Failure::NotMcp,
        Category::Syntax | Category::Eof | Category::Io => Failure::InvalidJson,
    })
}

fn bounded(response: reqwest::Response) -> impl Stream<Item = Result<Bytes, Failure>> {
    let mut left = MAX_BYTES;
    response.bytes_stream().map(move |chunk| {
        let chunk = chunk.map_err(|error| Failure::of_http(&error))?;
        left = left.checked_sub(chunk.len()).ok_or(Failure::TooLarge(MAX_BYTES))?;
        Ok(chunk)
    })
}

/// The media type without parameters, in lower case, fit to be shown: it comes from the server.
fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    match essence.chars().take(100).collect::<String>().to_ascii_lowercase() {
        none if none.is_empty() => "no media type".to_owned(),
        known => known,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    async fn stream(text: &'static str) -> Result<ServerJsonRpcMessage, Failure> {
        read_stream(futures::stream::iter(text.as_bytes().chunks(7).map(|chunk| Ok(Bytes::from_static(chunk))))).await
    }

    #[tokio::test]
    async fn messages_before_the_answer_are_passed_over() {
        let answer = stream(concat!(
            ": hello\n\nid: 1\ndata:\n\n",
            "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":1}}\n\n",
            "event: message\r\ndata: {\"jsonrpc\":\"2.0\",\r\ndata: \"id\":1,\"result\":{}}\r\n\r\n",
            "data: never read\n\n",
        ));
        assert!(matches!(answer.await.unwrap(), ServerJsonRpcMessage::Response(_)));
    }

    #[tokio::test]
    async fn a_stream_without_an_answer_says_how_it_failed() {
        assert_eq!(stream("").await.err(), Some(Failure::StreamEnded));
        assert_eq!(
            stream("data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n").await.err(),
            Some(Failure::StreamEnded)
        );
        assert_eq!(stream("nonsense\n\n").await.err(), Some(Failure::MalformedStream));
        assert_eq!(stream("data: <html>\n\n").await.err(), Some(Failure::InvalidJson));
        assert_eq!(stream("data: {\"hello\":1}\n\n").await.err(), Some(Failure::NotMcp));
    }

    #[test]
    fn nesting_without_end_is_invalid_and_no_overflow() {
        assert_eq!(parse("[".repeat(MAX_BYTES).as_bytes()).err(), Some(Failure::InvalidJson));
        let nested = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}", "{\"a\":".repeat(100_000));
        assert_eq!(parse(nested.as_bytes()).err(), Some(Failure::InvalidJson));
    }

    #[test]
    fn media_types_are_compared_without_case_and_parameters() {
        for (value, media_type_of_it) in [
            ("Application/JSON; charset=utf-8", "application/json"),
            ("text/event-stream", "text/event-stream"),
            ("", "no media type"),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, value.parse().unwrap())]);
            assert_eq!(media_type(&headers), media_type_of_it);
        }
        assert_eq!(media_type(&HeaderMap::new()), "no media type");
    }
}
