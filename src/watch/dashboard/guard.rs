//! Which requests are answered, and what every answer says to the browser.

use std::net::IpAddr;
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use subtle::ConstantTimeEq as _;
use tokio::time::timeout;

use super::app_state::AppState;
use crate::watch::wire::Problem;

/// Time for an answer: a body that does not come, or a disk that hangs, is not waited for.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Headers of every answer. Nothing but this server's own files runs or is loaded, and no other page may frame this one.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
];

/// Answered without the token: programs that watch processes have none, and a login is how a browser gets it.
const OPEN: [&str; 3] = ["/healthz", "/readyz", "/api/login"];

/// Refuses a request that may not be asked, passes any other one on, and adds the headers to either answer.
///
/// HEAD is answered as GET is, without the body.
pub async fn guard(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_head = request.method() == Method::HEAD;
    if is_head {
        request.head_mut().method = Method::GET;
    }
    let refused = {
        let state = request.app_data::<web::Data<AppState>>().expect("every app has it");
        refusal(state, &request)
    };
    let answered = match refused {
        Some((status, why)) => Ok(request.into_response(problem(status, &why))),
        // A stream has answered once it begins.
        None => match timeout(ANSWER_MAX, next.call(request)).await {
            Ok(answered) => answered.map(ServiceResponse::map_into_boxed_body),
            Err(elapsed) => {
                let answer = problem(StatusCode::SERVICE_UNAVAILABLE, "that took too long: try again");
                Err(InternalError::from_response(elapsed, answer).into())
            }
        },
    };
    match answered {
        Ok(mut response) => {
            add_headers(response.headers_mut());
            // Nobody reads the body, and a stream would be kept open for it.
            let is_stream = response.response().body().size() == BodySize::Stream;
            Ok(if is_head && is_stream { response.map_body(|_, _| BoxBody::new(())) } else { response })
        }
        Err(error) => {
            let mut answer = error.error_response();
            add_headers(answer.headers_mut());
            Err(InternalError::from_response(error, answer).into())
        }
    }
}

fn add_headers(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

/// A failure as an answer.
pub fn problem(status: StatusCode, why: &str) -> HttpResponse {
    HttpResponse::build(status).json(Problem { error: why.to_owned() })
}

fn refusal(state: &AppState, request: &ServiceRequest) -> Option<(StatusCode, String)> {
    let headers = request.headers();
    let path = request.path();
    let is_asset = super::assets::ASSETS.iter().any(|(asset, ..)| *asset == path);
    if state.token.is_empty() {
        // A page of another site can point a name of its own at this machine: its requests come with that name.
        if !is_own_host(headers, request.app_config().local_addr().ip()) {
            let why = "open it by the address that it listens on; another name needs web.token";
            return Some((StatusCode::FORBIDDEN, why.to_owned()));
        }
    } else if !is_asset && !OPEN.contains(&path) && !knows_token(request.request(), state) {
        let why = "send web.token: Authorization: Bearer TOKEN";
        return Some((StatusCode::UNAUTHORIZED, why.to_owned()));
    }
    let is_foreign = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    if (!is_asset && is_foreign) || (request.method() == Method::POST && !is_same_origin(headers)) {
        let why = "only this server's own page may ask for that; a proxy before it has to pass on the Host that it was asked for";
        return Some((StatusCode::FORBIDDEN, why.to_owned()));
    }
    None
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether the request names this machine itself, or the address that the server listens on.
fn is_own_host(headers: &HeaderMap, listens: IpAddr) -> bool {
    let Some(host) = text(headers, header::HOST) else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let ip = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback() || ip == listens)
}

/// A browser says with every POST which page it comes from; other programs say nothing. Where it says how that page stands to
/// this server it is believed: no script can say that, and a proxy may have put another name into Host. It does so over TLS
/// and on its own machine.
fn is_same_origin(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    match (headers.get(header::ORIGIN), text(headers, header::HOST)) {
        (None, _) => true,
        (Some(origin), Some(host)) => {
            origin.to_str().ok().and_then(|origin| origin.split_once("://")).is_some_and(|(_, of)| of == host)
        }
        (Some(_), None) => false,
    }
}

/// Whether a request may see everything.
pub fn knows_token(request: &HttpRequest, state: &AppState) -> bool {
    state.token.is_empty() || sends_token(request, &state.token, &state.cookie)
}

fn sends_token(request: &HttpRequest, token: &str, cookie: &str) -> bool {
    let sent = text(request.headers(), header::AUTHORIZATION).and_then(|value| value.split_once(' '));
    let bearer = sent.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, sent)| sent.trim_start());
    let cookie = request.cookie(cookie);
    bearer.is_some_and(|sent| same(sent, token)) || cookie.is_some_and(|sent| same(sent.value(), &BASE64.encode(token)))
}

/// Whether a text is the token. The comparison takes as long wherever they differ, so that a token cannot be guessed letter
/// by letter.
pub fn same(sent: &str, token: &str) -> bool {
    sent.as_bytes().ct_eq(token.as_bytes()).into()
}

/// The cookie by which a browser sends the token from now on: to what lies beside the login alone, also below a path of a proxy, and
/// out of reach of any script.
pub fn cookie(name: &str, token: &str) -> Cookie<'static> {
    Cookie::build(name.to_owned(), BASE64.encode(token)).http_only(true).same_site(SameSite::Strict).finish()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |&(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn only_names_of_this_machine_are_its_own() {
        let listens: IpAddr = "127.0.0.1".parse().expect("an address");
        for (host, expected) in [
            ("127.0.0.1:8470", true),
            ("localhost", true),
            ("LOCALHOST:1", true),
            ("[::1]:8470", true),
            ("evil.example:8470", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("", false),
        ] {
            assert_eq!(is_own_host(&headers(&[("host", host)]), listens), expected, "{host}");
        }
        assert!(!is_own_host(&headers(&[]), listens));
        let other: IpAddr = "10.1.2.3".parse().expect("an address");
        assert!(is_own_host(&headers(&[("host", "10.1.2.3:8470")]), other));
    }

    #[test]
    fn a_page_of_another_site_may_not_post() {
        let host = ("host", "localhost:8470");
        for (more, expected) in [
            (vec![], true),
            (vec![("origin", "http://localhost:8470")], true),
            (vec![("origin", "http://localhost:8470"), ("sec-fetch-site", "same-origin")], true),
            (vec![("origin", "http://localhost:9000")], false),
            (vec![("origin", "null")], false),
            // As it comes through a proxy that puts another name into Host.
            (vec![("origin", "http://weather.example"), ("sec-fetch-site", "same-origin")], true),
            (vec![("origin", "http://weather.example")], false),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "same-site"), ("origin", "http://localhost:8470")], false),
        ] {
            let all: Vec<_> = std::iter::once(host).chain(more).collect();
            assert_eq!(is_same_origin(&headers(&all)), expected, "{all:?}");
        }
    }

    #[test]
    fn the_token_is_known_from_either_header() {
        let token = "0123456789abcdef;\"";
        let sends = |headers: &[(&'static str, &str)]| {
            let request = headers.iter().fold(TestRequest::default(), |request, &pair| request.append_header(pair));
            sends_token(&request.to_http_request(), token, "isotherm-1")
        };
        let cookie = cookie("isotherm-1", token);
        let pair = cookie.stripped();
        for scheme in ["Bearer ", "bearer ", "BEARER   "] {
            assert!(sends(&[("authorization", &format!("{scheme}{token}"))]), "{scheme}");
        }
        assert!(sends(&[("cookie", &format!("a=b; {pair}; c=d"))]));
        // Of other servers on this host.
        assert!(sends(&[("cookie", &format!("none; =; %ff=\"; {pair}"))]));
        assert!(sends(&[("cookie", "a=b"), ("cookie", &pair.to_string())]));
        for wrong in ["", "Bearer ", "Bearer 0123456789abcdef", "Basic 0123456789abcdef;\""] {
            assert!(!sends(&[("authorization", wrong)]), "{wrong}");
        }
        assert!(!sends(&[("cookie", "isotherm-1=x; isotherm-10=y")]));
        assert!(!sends(&[]));
    }
}
