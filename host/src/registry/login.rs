//! What a registry wants when it answers 401: a user name and a password, or a token of a service that it names. Pure;
//! the requests are the client's.
//!
//! Source: RFC 9110 §11.6.1 (challenges), and the token flow that registries share
//! (<https://distribution.github.io/distribution/spec/auth/token/>).

use http::HeaderMap;
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use reqwest::Url;
use serde::Deserialize;

use super::error::Problem;

/// What the registry wants.
pub(super) enum Challenge {
    /// User name and password.
    Basic,
    /// A token from this address, which has its query already.
    Bearer(Url),
}

/// What a token service answers; one of the two is there.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Challenge {
    /// The first challenge that can be met. The scope is what we need, whatever the registry proposes.
    pub(super) fn of(headers: &HeaderMap, scope: &str) -> Option<Self> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let mut known = values.filter_map(|value| http_auth::parse_challenges(value).ok()).flatten();
        known.find_map(|challenge| {
            if challenge.scheme.eq_ignore_ascii_case("basic") {
                return Some(Self::Basic);
            }
            let parameter = |name: &str| {
                let found = challenge.params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.to_unescaped())
            };
            let mut service = Url::parse(&parameter("realm")?).ok()?;
            let mut query = service.query_pairs_mut();
            query.extend_pairs(parameter("service").map(|name| ("service", name)));
            query.append_pair("scope", scope);
            drop(query);
            challenge.scheme.eq_ignore_ascii_case("bearer").then_some(Self::Bearer(service))
        })
    }
}

/// The `Authorization` that the token service's answer gives.
pub(super) fn bearer(answer: &[u8]) -> Result<HeaderValue, Problem> {
    let token = serde_json::from_slice(answer).ok().and_then(|Token { token, access_token }| token.or(access_token));
    let value = token.and_then(|token| HeaderValue::try_from(format!("Bearer {token}")).ok());
    let mut value = value.ok_or_else(|| Problem::Protocol("its token service answered no token".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn challenge(values: &[&'static str]) -> Option<Challenge> {
        let headers = values.iter().map(|value| (WWW_AUTHENTICATE, HeaderValue::from_static(value))).collect();
        Challenge::of(&headers, "repository:a/b:pull")
    }

    #[test]
    fn a_bearer_challenge_gives_the_address_of_the_token() {
        let values = [r#"Negotiate, Bearer realm="https://auth.example/token?x=1",service="a b",scope="all""#];
        let Some(Challenge::Bearer(url)) = challenge(&values) else { panic!("no bearer") };
        assert_eq!(url.as_str(), "https://auth.example/token?x=1&service=a+b&scope=repository%3Aa%2Fb%3Apull");
    }

    #[test]
    fn a_basic_challenge_is_told_from_one_that_cannot_be_met() {
        assert!(matches!(challenge(&[r#"basic realm="x""#]), Some(Challenge::Basic)));
        for values in [&[r#"Digest realm="x""#][..], &["Bearer"], &[r#"Bearer realm="nowhere""#], &["=,="], &[]] {
            assert!(challenge(values).is_none(), "{values:?}");
        }
    }

    #[test]
    fn a_token_has_either_name() {
        for answer in [r#"{"token": "t"}"#, r#"{"access_token": "t", "expires_in": 3}"#] {
            assert_eq!(bearer(answer.as_bytes()).unwrap(), "Bearer t");
        }
        for answer in ["{}", r#"{"token": "t\n"}"#, "<html>"] {
            assert!(bearer(answer.as_bytes()).is_err(), "{answer}");
        }
    }
}
