//! The address of a running process.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ureq::http::Uri;

use crate::failure::{Failure, Kind};

/// Where a process serves by the settings that come with the program.
const USUAL: &str = "http://127.0.0.1:8470";

/// What was typed as `http://host:port`, without a slash at its end.
pub fn typed(text: &str) -> Result<String, Failure> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let wrong = |why: &str| {
        let what = format!("the address {:?} {why}", super::text::plain(text));
        Err(Failure::fatal(Kind::Usage, what).advice(format!("as {USUAL}")))
    };
    let Ok(uri) = whole.parse::<Uri>() else { return wrong("cannot be read") };
    let Some(authority) = uri.authority() else { return wrong("has no host") };
    if uri.scheme_str() != Some("http") {
        return wrong("is not of plain HTTP, which is all that isotherm serves");
    }
    if authority.as_str().contains('@') {
        return wrong("holds a name or a password: a token comes from --token-file or ISOTHERM_WEB__TOKEN");
    }
    let names_a_page = !["", "/"].contains(&uri.path()) || uri.query().is_some() || whole.contains('#');
    if authority.host().is_empty() || names_a_page {
        return wrong("must be a host and a port, and nothing more");
    }
    Ok(format!("http://{authority}"))
}

/// Where a process with these settings serves, as seen from this machine.
pub fn of(listen: Option<SocketAddr>) -> Result<String, Failure> {
    let Some(mut address) = listen else { return Ok(USUAL.to_owned()) };
    if address.port() == 0 {
        let what = "web.listen has port 0: each process takes another one, which it names in its log";
        return Err(Failure::fatal(Kind::Usage, what).advice("give that address: isotherm top ADDRESS"));
    }
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Ok(format!("http://{address}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (text, address) in [
            ("http://127.0.0.1:8470", "http://127.0.0.1:8470"),
            ("127.0.0.1:9/", "http://127.0.0.1:9"),
            ("[::1]:8470", "http://[::1]:8470"),
            ("counting.example", "http://counting.example"),
        ] {
            assert_eq!(typed(text).expect("it is one"), address);
        }
        for text in ["", "https://a:1", "http://me:secret@a:1", "http://a:1/api", "a:1?b", "a:1#b", "a b", "a\u{1b}b"] {
            let failure = typed(text).expect_err(text);
            assert_eq!(failure.kind, Kind::Usage);
            assert!(!failure.to_string().contains('\u{1b}'));
        }
    }

    #[test]
    fn settings_say_where_it_is_seen_from_here() {
        let seen = |text: &str| of(Some(text.parse().expect("an address")));
        assert_eq!(of(None).expect("the usual"), USUAL);
        assert_eq!(seen("0.0.0.0:81").expect("loopback"), "http://127.0.0.1:81");
        assert_eq!(seen("[::]:81").expect("loopback"), "http://[::1]:81");
        assert_eq!(seen("10.0.0.7:81").expect("that"), "http://10.0.0.7:81");
        assert!(seen("127.0.0.1:0").is_err());
    }
}
