//! What a response says to a browser about requests from other origins.

use crate::Result;
use crate::headers::Headers;
use crate::method::Method;

/// The CORS headers of a response; by default none.
///
/// ```
/// use worker::{Cors, Method, Response};
///
/// # fn main() -> worker::Result<()> {
/// let cors = Cors::new().with_origins(["https://example.com"]).with_methods([Method::Get]);
/// let response = Response::ok("hello")?.with_cors(&cors)?;
/// assert_eq!(response.headers().get("access-control-allow-methods")?.as_deref(), Some("GET"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cors {
    credentials: bool,
    max_age: Option<u32>,
    origins: Vec<String>,
    methods: Vec<Method>,
    allowed_headers: Vec<String>,
    exposed_headers: Vec<String>,
}

impl Cors {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a request may carry cookies.
    pub fn with_credentials(mut self, credentials: bool) -> Self {
        self.credentials = credentials;
        self
    }

    /// How many seconds a browser may remember the answer to a preflight.
    pub fn with_max_age(mut self, max_age: u32) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// The origins that may read the response. Sent as they are, joined with commas; a browser accepts one, or
    /// `*`.
    pub fn with_origins<S: Into<String>, V: IntoIterator<Item = S>>(mut self, origins: V) -> Self {
        self.origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// The methods that a request may have.
    pub fn with_methods<V: IntoIterator<Item = Method>>(mut self, methods: V) -> Self {
        self.methods = methods.into_iter().collect();
        self
    }

    /// The headers that a request may carry.
    pub fn with_allowed_headers<S: Into<String>, V: IntoIterator<Item = S>>(mut self, headers: V) -> Self {
        self.allowed_headers = headers.into_iter().map(Into::into).collect();
        self
    }

    /// The headers of the response that a script may read.
    pub fn with_exposed_headers<S: Into<String>, V: IntoIterator<Item = S>>(mut self, headers: V) -> Self {
        self.exposed_headers = headers.into_iter().map(Into::into).collect();
        self
    }

    /// Puts this configuration into `headers`; what is not configured is not touched.
    ///
    /// # Errors
    /// When an origin or a header name cannot be sent, or the headers are immutable.
    pub fn apply_headers(&self, headers: &mut Headers) -> Result<()> {
        if self.credentials {
            headers.set("access-control-allow-credentials", "true")?;
        }
        if let Some(max_age) = self.max_age {
            headers.set("access-control-max-age", &max_age.to_string())?;
        }
        set_list(headers, "access-control-allow-origin", &self.origins)?;
        set_list(headers, "access-control-allow-methods", &self.methods)?;
        set_list(headers, "access-control-allow-headers", &self.allowed_headers)?;
        set_list(headers, "access-control-expose-headers", &self.exposed_headers)
    }
}

fn set_list(headers: &Headers, name: &str, values: &[impl AsRef<str>]) -> Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
    headers.set(name, &values.join(","))
}

#[cfg(test)]
mod tests {
    use super::Cors;
    use crate::headers::Headers;
    use crate::method::Method;

    #[test]
    fn configuration_becomes_headers() {
        fn check(cors: Cors, expected: &[(&str, &str)]) {
            let mut headers = Headers::new();
            cors.apply_headers(&mut headers).unwrap();
            let got: Vec<_> = headers.entries().collect();
            let got: Vec<_> = got.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            assert_eq!(got, expected);
        }
        check(Cors::new(), &[]);
        check(Cors::new().with_credentials(false), &[]);
        check(
            Cors::default()
                .with_credentials(true)
                .with_max_age(60)
                .with_origins(["https://a.example"])
                .with_methods(vec![Method::Get, Method::Post])
                .with_allowed_headers(["x-a", "x-b"])
                .with_exposed_headers(vec!["x-c".to_owned()]),
            &[
                ("access-control-allow-credentials", "true"),
                ("access-control-allow-headers", "x-a,x-b"),
                ("access-control-allow-methods", "GET,POST"),
                ("access-control-allow-origin", "https://a.example"),
                ("access-control-expose-headers", "x-c"),
                ("access-control-max-age", "60"),
            ],
        );
    }
}
