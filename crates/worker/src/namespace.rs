//! Other objects: their namespaces, their ids, and the stubs that requests go through.

use std::fmt;

use crate::Result;
use crate::error::Error;
use crate::method::Method;
use crate::native::{self, Host, Namespace, convert};
use crate::request::Request;
use crate::response::Response;

/// The objects of one class.
#[derive(Clone, Debug)]
pub struct ObjectNamespace {
    host: Host,
    objects: Namespace,
}

impl ObjectNamespace {
    pub(crate) fn new(host: Host, objects: Namespace) -> Self {
        Self { host, objects }
    }

    /// The id that belongs to `name`, always the same.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub fn id_from_name(&self, name: &str) -> Result<ObjectId<'_>> {
        Ok(self.with_id(self.objects.id_from_name(name)))
    }

    /// The id that another id's text stands for.
    ///
    /// # Errors
    /// When `hex_id` is no id of this namespace.
    pub fn id_from_string(&self, hex_id: &str) -> Result<ObjectId<'_>> {
        let id = self.objects.id_from_string(hex_id).map_err(|error| Error::JsError(error.to_string()))?;
        Ok(self.with_id(id))
    }

    /// An id that no object has had.
    ///
    /// # Errors
    /// When the operating system has no randomness.
    pub fn unique_id(&self) -> Result<ObjectId<'_>> {
        let id = self.objects.unique_id().map_err(|error| Error::from(error.to_string()))?;
        Ok(self.with_id(id))
    }

    /// On Cloudflare, an id bound to a region of the world.
    ///
    /// # Errors
    /// Always: there are no regions here.
    pub fn unique_id_with_jurisdiction(&self, jd: &str) -> Result<ObjectId<'_>> {
        Err(Error::JsError(format!("Jurisdiction restrictions are not implemented in Dormouse: {jd}")))
    }

    /// A stub of the object called `name`.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub fn get_by_name(&self, name: &str) -> Result<Stub> {
        self.id_from_name(name)?.get_stub()
    }

    /// Like [`get_by_name`](Self::get_by_name). The hint tells Cloudflare where to make the object, and nothing
    /// here.
    ///
    /// # Errors
    /// Never; the signature is that of the `worker` crate.
    pub fn get_by_name_with_location_hint(&self, name: &str, location_hint: &str) -> Result<Stub> {
        let _ = location_hint;
        self.get_by_name(name)
    }

    fn with_id(&self, id: native::ObjectId) -> ObjectId<'_> {
        ObjectId { id, namespace: Some(self) }
    }
}

/// The identity of an object. It prints as 64 hexadecimal digits.
#[derive(Debug)]
pub struct ObjectId<'a> {
    id: native::ObjectId,
    /// None for an object's own id.
    namespace: Option<&'a ObjectNamespace>,
}

impl ObjectId<'_> {
    /// An object's own id.
    pub(crate) fn own(id: native::ObjectId) -> Self {
        Self { id, namespace: None }
    }

    /// A stub of the object with this id.
    ///
    /// # Errors
    /// When this is an object's own id, from [`State::id`](crate::State::id).
    pub fn get_stub(&self) -> Result<Stub> {
        let text = "Cannot get stub from within a Durable Object";
        let namespace = self.namespace.ok_or_else(|| Error::JsError(text.to_owned()))?;
        Ok(Stub { host: namespace.host.clone(), to: namespace.objects.stub(self.id.clone()) })
    }

    /// Like [`get_stub`](Self::get_stub). The hint tells Cloudflare where to make the object, and nothing here.
    ///
    /// # Errors
    /// When this is an object's own id.
    pub fn get_stub_with_location_hint(&self, location_hint: &str) -> Result<Stub> {
        let _ = location_hint;
        self.get_stub()
    }

    /// The name that the id was made from, if it was.
    pub fn name(&self) -> Option<String> {
        self.id.name().map(str::to_owned)
    }
}

impl PartialEq for ObjectId<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl fmt::Display for ObjectId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

/// The way to one object. Making one does not wake the object; a request does. When the instance that it has reached is
/// reset, the stub fails for good; a new one reaches the next instance.
#[derive(Debug)]
pub struct Stub {
    host: Host,
    to: native::RuntimeStub,
}

impl Stub {
    /// Sends a request to the object.
    ///
    /// # Errors
    /// When the object's handler fails, the object is reset or overloaded, or `req` was read already.
    ///
    /// # Cancel safety
    /// The request is sent at the first poll. Dropping the future loses the response only.
    pub async fn fetch_with_request(&self, req: Request) -> Result<Response> {
        let request = convert::request_out(&self.host, req)?;
        let response = self.host.ctx().fetch(&self.to, request).await;
        response.map(|response| convert::response_in(&self.host, response)).map_err(|error| convert::stub_error(&error))
    }

    /// Sends a `GET` request to the object. Any host will do: the object sees the URL, nothing else looks at
    /// it.
    ///
    /// # Errors
    /// When `url` is not an absolute URL, and as [`fetch_with_request`](Self::fetch_with_request).
    pub async fn fetch_with_str(&self, url: &str) -> Result<Response> {
        self.fetch_with_request(Request::new(url, Method::Get)?).await
    }
}
