//! HTTP methods, as the closed set that the `worker` crate has.

use std::fmt;

/// The method of a request.
#[derive(Default, Debug, Clone, PartialEq, Hash, Eq)]
pub enum Method {
    /// `HEAD`
    Head = 0,
    /// `GET`, and the stand-in for every method that has no variant here.
    #[default]
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
    /// `CONNECT`
    Connect,
    /// `TRACE`
    Trace,
    /// `REPORT`
    Report,
}

impl Method {
    /// Every method, in the order of the variants.
    pub fn all() -> Vec<Method> {
        ALL.to_vec()
    }
}

pub(crate) const ALL: &[Method] = &[
    Method::Head,
    Method::Get,
    Method::Post,
    Method::Put,
    Method::Patch,
    Method::Delete,
    Method::Options,
    Method::Connect,
    Method::Trace,
    Method::Report,
];

impl AsRef<str> for Method {
    fn as_ref(&self) -> &'static str {
        match self {
            Method::Head => "HEAD",
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
            Method::Connect => "CONNECT",
            Method::Trace => "TRACE",
            Method::Report => "REPORT",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_ref())
    }
}

impl From<Method> for String {
    fn from(method: Method) -> Self {
        method.as_ref().to_owned()
    }
}

impl From<String> for Method {
    fn from(name: String) -> Self {
        ALL.iter().find(|method| name.eq_ignore_ascii_case(method.as_ref())).cloned().unwrap_or_default()
    }
}

impl From<&http::Method> for Method {
    fn from(method: &http::Method) -> Self {
        match *method {
            http::Method::GET => Method::Get,
            http::Method::HEAD => Method::Head,
            http::Method::POST => Method::Post,
            http::Method::PUT => Method::Put,
            http::Method::PATCH => Method::Patch,
            http::Method::DELETE => Method::Delete,
            http::Method::OPTIONS => Method::Options,
            http::Method::CONNECT => Method::Connect,
            http::Method::TRACE => Method::Trace,
            _ if method.as_str() == "REPORT" => Method::Report,
            _ => Method::Get,
        }
    }
}

impl From<&Method> for http::Method {
    fn from(method: &Method) -> Self {
        match method {
            Method::Head => http::Method::HEAD,
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Patch => http::Method::PATCH,
            Method::Delete => http::Method::DELETE,
            Method::Options => http::Method::OPTIONS,
            Method::Connect => http::Method::CONNECT,
            Method::Trace => http::Method::TRACE,
            // A token, so it parses; the fallback only keeps this total.
            Method::Report => http::Method::from_bytes(b"REPORT").unwrap_or(http::Method::GET),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Method;

    #[test]
    fn methods_convert_both_ways() {
        for method in Method::all() {
            assert_eq!(Method::from(&http::Method::from(&method)), method);
            assert_eq!(Method::from(method.to_string()), method);
            assert_eq!(Method::from(method.to_string().to_lowercase()), method);
            assert_eq!(http::Method::from(&method).as_str(), method.as_ref());
        }
        assert_eq!(Method::from("BREW".to_owned()), Method::Get);
    }
}
