//! What a request's head must be before user code sees it, whatever version of HTTP it came by.
//!
//! Invariant: user code sees whole URLs, a `Host` that says the same, and one `Cookie` header.

use std::net::SocketAddr;

use http::header::{COOKIE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, Uri, request, uri};

use crate::limits::HEADERS_MAX;

/// Where user code finds the address of the client (reference 1.7).
const CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");

/// Where a request comes from.
pub(super) struct Origin {
    pub(super) peer: SocketAddr,
    /// The address that the client has connected to.
    pub(super) local: Option<SocketAddr>,
    pub(super) is_secure: bool,
}

/// Why a request is refused.
pub(super) type Bad = (StatusCode, &'static str);

const BAD_HOST: &str = "the Host header is not a host";

/// Makes a head what user code sees.
pub(super) fn complete(head: &mut request::Parts, origin: &Origin) -> Result<(), Bad> {
    join_cookies(&mut head.headers);
    if head.headers.len() > HEADERS_MAX {
        // Of HTTP/1.1 they have been counted before.
        return Err((StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the request has too many headers"));
    }
    make_absolute(head, origin).map_err(|text| (StatusCode::BAD_REQUEST, text))?;
    if let Ok(address) = HeaderValue::from_str(&origin.peer.ip().to_string()) {
        head.headers.insert(CONNECTING_IP, address);
    }
    Ok(())
}

/// HTTP/2 may send a cookie a header, for the sake of compression; whoever reads them expects one (RFC 9113, section
/// 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
    {
        headers.insert(COOKIE, joined);
    }
}

/// Scheme and host are added to what the request line says.
fn make_absolute(head: &mut request::Parts, origin: &Origin) -> Result<(), &'static str> {
    let mut parts = std::mem::take(&mut head.uri).into_parts();
    let named = host(&head.headers)?;
    let authority: uri::Authority = match (parts.authority, named) {
        (Some(authority), named) => {
            // HTTP/2 says it outside the headers (RFC 9113, section 8.3.1); HTTP/1.1 does so in what proxies are asked.
            if head.version == http::Version::HTTP_2 && named.is_some_and(|named| named != authority.as_str()) {
                return Err("the Host header is another host than the request's");
            }
            if !head.headers.contains_key(HOST) {
                let value = HeaderValue::from_str(authority.as_str()).map_err(|_| BAD_HOST)?;
                head.headers.insert(HOST, value);
            }
            authority
        }
        (None, Some(named)) => named.parse().map_err(|_| BAD_HOST)?,
        (None, None) => {
            let host = origin.local.map_or_else(|| "localhost".into(), |local| local.to_string());
            host.parse().map_err(|_| BAD_HOST)?
        }
    };
    if authority.as_str().contains('@') {
        return Err("the request's host must be without a user");
    }
    // A client that speaks for another, such as a proxy in front, may say that it was asked by HTTPS.
    let says_https = parts.scheme.as_ref() == Some(&uri::Scheme::HTTPS);
    parts.scheme = Some(if origin.is_secure || says_https { uri::Scheme::HTTPS } else { uri::Scheme::HTTP });
    parts.authority = Some(authority);
    parts.path_and_query = parts.path_and_query.or_else(|| Some(uri::PathAndQuery::from_static("/")));
    head.uri = Uri::from_parts(parts).map_err(|_| "the request's target is not a path")?;
    Ok(())
}

fn host(headers: &HeaderMap) -> Result<Option<&str>, &'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => Ok(None),
        (Some(host), None) => Ok(Some(host.to_str().map_err(|_| BAD_HOST)?)),
        (Some(_), Some(_)) => Err("a request must have one Host header"),
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, StatusCode, Version};

    use super::{Origin, complete};

    /// The URL, the host and the cookies that user code sees of a request, or the status of its refusal.
    fn seen(version: Version, uri: &str, headers: &[(&str, &str)], is_secure: bool) -> Result<[String; 3], StatusCode> {
        let mut request = Request::get(uri).version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        let address = "127.0.0.1:80".parse().unwrap();
        complete(&mut head, &Origin { peer: address, local: Some(address), is_secure })
            .map_err(|(status, _)| status)?;
        let header = |name| head.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        Ok([head.uri.to_string(), header("host"), header("cookie")])
    }

    #[test]
    fn urls_are_whole() {
        use Version as V;
        for (version, uri, host, is_secure, url) in [
            (V::HTTP_11, "/a?b", "h:1", false, "http://h:1/a?b"),
            (V::HTTP_11, "/a?b", "h:1", true, "https://h:1/a?b"),
            (V::HTTP_11, "/", "", false, "http://127.0.0.1:80/"),
            (V::HTTP_11, "http://x/a", "h", false, "http://x/a"),
            (V::HTTP_11, "https://x/a", "h", false, "https://x/a"),
            (V::HTTP_11, "http://x/a", "h", true, "https://x/a"),
            (V::HTTP_11, "ftp://x/a", "h", false, "http://x/a"),
            (V::HTTP_2, "http://x/a", "", true, "https://x/a"),
            (V::HTTP_2, "http://x/a", "x", false, "http://x/a"),
            (V::HTTP_2, "https://x/a", "", false, "https://x/a"),
            (V::HTTP_2, "/a", "h", false, "http://h/a"),
        ] {
            let headers: &[_] = if host.is_empty() { &[] } else { &[("host", host)] };
            assert_eq!(seen(version, uri, headers, is_secure).unwrap()[0], url, "{uri} {host}");
        }
    }

    #[test]
    fn http_2_says_its_host_outside_the_headers() {
        assert_eq!(seen(Version::HTTP_2, "https://h:1/", &[], true).unwrap()[1], "h:1");
        let other = [("host", "other")];
        assert_eq!(seen(Version::HTTP_2, "https://h:1/", &other, true), Err(StatusCode::BAD_REQUEST));
        assert_eq!(seen(Version::HTTP_2, "https://user@h:1/", &[], true), Err(StatusCode::BAD_REQUEST));
    }

    #[test]
    fn cookies_are_one_header() {
        let cookies = [("cookie", "a=1"), ("cookie", "b=2"), ("x", "y"), ("cookie", "c=3")];
        assert_eq!(seen(Version::HTTP_2, "https://h/", &cookies, true).unwrap()[2], "a=1; b=2; c=3");
    }
}
