//! What [`Request::new_with_init`](crate::Request::new_with_init) takes.
//!
//! The body is a type of its own where the `worker` crate has a `JsValue`; text and bytes convert into it with
//! `into()`, as they do there. Settings for Cloudflare's edge are accepted so that code compiles, and change
//! nothing.

use std::collections::HashMap;

use bytes::Bytes;

use crate::headers::Headers;
use crate::method::Method;
use crate::streams::ByteStream;

/// The parts of a request, but for its URL.
///
/// ```
/// use worker::{Method, Request, RequestInit};
///
/// # fn main() -> worker::Result<()> {
/// let mut init = RequestInit::new();
/// init.with_method(Method::Post).with_body(Some("hello".into()));
/// let request = Request::new_with_init("https://example.com/", &init)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct RequestInit {
    /// The body, if there is one.
    pub body: Option<RequestBody>,
    /// The headers.
    pub headers: Headers,
    /// Settings for Cloudflare's edge, which change nothing here.
    pub cf: CfProperties,
    /// The method; `GET` unless set.
    pub method: Method,
    /// What to do about a redirect.
    pub redirect: RequestRedirect,
    /// What a cache may do; `None` for its default.
    pub cache: Option<CacheMode>,
}

impl RequestInit {
    /// A `GET` without headers or body.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the headers.
    pub fn with_headers(&mut self, headers: Headers) -> &mut Self {
        self.headers = headers;
        self
    }

    /// Sets the method.
    pub fn with_method(&mut self, method: Method) -> &mut Self {
        self.method = method;
        self
    }

    /// Sets what to do about a redirect.
    pub fn with_redirect(&mut self, redirect: RequestRedirect) -> &mut Self {
        self.redirect = redirect;
        self
    }

    /// Sets what a cache may do.
    pub fn with_cache(&mut self, cache: CacheMode) -> &mut Self {
        self.cache = Some(cache);
        self
    }

    /// Sets the body.
    pub fn with_body(&mut self, body: Option<RequestBody>) -> &mut Self {
        self.body = body;
        self
    }

    /// Sets what Cloudflare's edge would look at.
    pub fn with_cf_properties(&mut self, props: CfProperties) -> &mut Self {
        self.cf = props;
        self
    }
}

/// The body of a request to be made: text, bytes or a stream.
#[derive(Debug, Clone)]
pub enum RequestBody {
    /// Text, sent as UTF-8; the request gets a `content-type` if it has none.
    Text(String),
    /// Bytes.
    Bytes(Bytes),
    /// A stream, which the request reads.
    Stream(ByteStream),
}

impl From<&str> for RequestBody {
    fn from(text: &str) -> Self {
        RequestBody::Text(text.to_owned())
    }
}

impl From<String> for RequestBody {
    fn from(text: String) -> Self {
        RequestBody::Text(text)
    }
}

impl From<&String> for RequestBody {
    fn from(text: &String) -> Self {
        RequestBody::Text(text.clone())
    }
}

impl From<Vec<u8>> for RequestBody {
    fn from(bytes: Vec<u8>) -> Self {
        RequestBody::Bytes(bytes.into())
    }
}

impl From<&[u8]> for RequestBody {
    fn from(bytes: &[u8]) -> Self {
        RequestBody::Bytes(Bytes::copy_from_slice(bytes))
    }
}

impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> Self {
        RequestBody::Bytes(bytes)
    }
}

impl From<ByteStream> for RequestBody {
    fn from(stream: ByteStream) -> Self {
        RequestBody::Stream(stream)
    }
}

/// What `fetch` does about a redirect. A stub returns every response as it is.
#[derive(Clone, Copy, Debug, Default)]
pub enum RequestRedirect {
    /// Fail.
    Error,
    /// Go where it points.
    #[default]
    Follow,
    /// Return it.
    Manual,
}

impl From<RequestRedirect> for &str {
    fn from(redirect: RequestRedirect) -> Self {
        match redirect {
            RequestRedirect::Error => "error",
            RequestRedirect::Follow => "follow",
            RequestRedirect::Manual => "manual",
        }
    }
}

/// What a cache may do with a request. There is no cache here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CacheMode {
    /// Neither answer from the cache nor store.
    NoStore,
    /// Ask the origin whether the stored answer still holds.
    NoCache,
    /// Ask the origin, and store.
    Reload,
}

/// Settings for Cloudflare's edge. They are read by nothing here.
#[derive(Debug)]
pub struct CfProperties {
    /// Cloudflare Apps.
    pub apps: Option<bool>,
    /// Caching whatever the headers say.
    pub cache_everything: Option<bool>,
    /// What makes two requests the same to the cache.
    pub cache_key: Option<String>,
    /// Seconds in the cache.
    pub cache_ttl: Option<i32>,
    /// Seconds in the cache by status.
    pub cache_ttl_by_status: Option<HashMap<String, i32>>,
    /// Minification.
    pub minify: Option<MinifyConfig>,
    /// Mirage.
    pub mirage: Option<bool>,
    /// Polish.
    pub polish: Option<PolishConfig>,
    /// Another host to connect to.
    pub resolve_override: Option<String>,
    /// ScrapeShield.
    pub scrape_shield: Option<bool>,
}

impl CfProperties {
    /// The edge's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing was set.
    pub fn is_default(&self) -> bool {
        let Self {
            apps,
            cache_everything,
            cache_key,
            cache_ttl,
            cache_ttl_by_status,
            minify,
            mirage,
            polish,
            resolve_override,
            scrape_shield,
        } = self;
        *apps == Some(true)
            && *cache_everything == Some(false)
            && cache_key.is_none()
            && cache_ttl.is_none()
            && cache_ttl_by_status.is_none()
            && minify.is_none()
            && *mirage == Some(true)
            && polish.is_none()
            && resolve_override.is_none()
            && *scrape_shield == Some(true)
    }
}

impl Default for CfProperties {
    fn default() -> Self {
        Self {
            apps: Some(true),
            cache_everything: Some(false),
            cache_key: None,
            cache_ttl: None,
            cache_ttl_by_status: None,
            minify: None,
            mirage: Some(true),
            polish: None,
            resolve_override: None,
            scrape_shield: Some(true),
        }
    }
}

/// What Cloudflare's edge may minify.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MinifyConfig {
    /// Scripts.
    pub js: bool,
    /// Pages.
    pub html: bool,
    /// Style sheets.
    pub css: bool,
}

/// How Cloudflare's edge may compress images.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum PolishConfig {
    /// Not at all.
    #[default]
    Off,
    /// With loss.
    Lossy,
    /// Without loss.
    Lossless,
}

#[cfg(test)]
mod tests {
    use super::CfProperties;

    #[test]
    fn default_properties_are_default() {
        assert!(CfProperties::new().is_default());
        let changed = CfProperties { cache_ttl: Some(1), ..CfProperties::default() };
        assert!(!changed.is_default());
    }
}
