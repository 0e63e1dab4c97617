//! `request.cf()`: on Cloudflare, what the edge knows about the client.
//!
//! There is no edge here, so everything geographic is absent and the rest comes from the request itself. The
//! methods exist so that code which looks at them compiles and takes its "unknown" path.

use http::Version;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::Result;

/// What is known about the connection of a request.
#[derive(Debug, Clone)]
pub struct Cf {
    version: Version,
}

impl Cf {
    pub(crate) fn of(head: &Parts) -> Self {
        Self { version: head.version }
    }

    /// The protocol of the request, such as `HTTP/1.1`.
    pub fn http_protocol(&self) -> String {
        match self.version {
            // As the edge writes them.
            Version::HTTP_2 => "HTTP/2".to_owned(),
            Version::HTTP_3 => "HTTP/3".to_owned(),
            version => format!("{version:?}"),
        }
    }

    /// The data centre, which is none: empty.
    pub fn colo(&self) -> String {
        String::new()
    }

    /// The network number of the client: not known here.
    pub fn asn(&self) -> Option<u32> {
        None
    }

    /// The network operator of the client: not known here.
    pub fn as_organization(&self) -> Option<String> {
        None
    }

    /// The country of the client: not known here.
    pub fn country(&self) -> Option<String> {
        None
    }

    /// The city of the client: not known here.
    pub fn city(&self) -> Option<String> {
        None
    }

    /// The continent of the client: not known here.
    pub fn continent(&self) -> Option<String> {
        None
    }

    /// Latitude and longitude of the client: not known here.
    pub fn coordinates(&self) -> Option<(f32, f32)> {
        None
    }

    /// The postal code of the client: not known here.
    pub fn postal_code(&self) -> Option<String> {
        None
    }

    /// The metro code of the client: not known here.
    pub fn metro_code(&self) -> Option<String> {
        None
    }

    /// The region of the client: not known here.
    pub fn region(&self) -> Option<String> {
        None
    }

    /// The code of the client's region: not known here.
    pub fn region_code(&self) -> Option<String> {
        None
    }

    /// The time zone of the client: not known here, so that of every Worker.
    pub fn timezone_name(&self) -> String {
        "UTC".to_owned()
    }

    /// Whether the client is in the European Union: not known here, so no.
    pub fn is_eu_country(&self) -> bool {
        false
    }

    /// The cipher of the connection: not known here, so empty.
    pub fn tls_cipher(&self) -> String {
        String::new()
    }

    /// The TLS version of the connection: not known here, so empty.
    pub fn tls_version(&self) -> String {
        String::new()
    }

    /// How the client weighs this request: not known here.
    pub fn request_priority(&self) -> Option<RequestPriority> {
        None
    }

    /// The category of a bot that the edge knows: there is no edge.
    pub fn verified_bot_category(&self) -> Option<String> {
        None
    }

    /// What the owner of a custom hostname attached to it: there are none.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub fn host_metadata<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        Ok(None)
    }
}

/// How a client weighs a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestPriority {
    /// The weight under HTTP/2.
    pub weight: usize,
    /// The exclusive flag under HTTP/2.
    pub exclusive: bool,
    /// The stream of the request's group.
    pub group: usize,
    /// The weight of that group.
    pub group_weight: usize,
}
