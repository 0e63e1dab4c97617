//! Session cookies: an account and a signature over it.
//!
//! The key is made anew at every start, so sessions end with the process. A real application keeps its key, and
//! asks for more than a name.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The cookie's name.
const COOKIE: &str = "session";

/// Makes and checks session cookies.
pub(crate) struct Sessions {
    key: String,
}

/// A fresh key.
pub(crate) fn new_key() -> Result<String, getrandom::Error> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)?;
    Ok(URL_SAFE_NO_PAD.encode(key))
}

/// Whether a text can be an account: it stands in a cookie and in a header.
pub(crate) fn is_account(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

impl Sessions {
    pub(crate) fn new(key: String) -> Self {
        Self { key }
    }

    /// The `Set-Cookie` header of a session. Scripts cannot read it, and other sites' pages do not send it.
    pub(crate) fn cookie(&self, account: &str) -> String {
        let signature = URL_SAFE_NO_PAD.encode(self.mac(account).finalize().into_bytes());
        format!("{COOKIE}={account}:{signature}; HttpOnly; SameSite=Strict; Path=/")
    }

    /// The account of the session in a `Cookie` header, if its signature is ours.
    pub(crate) fn account(&self, cookies: &str) -> Option<String> {
        let cookies = cookies.split(';').filter_map(|cookie| cookie.trim().split_once('='));
        let (_, session) = cookies.into_iter().find(|(name, _)| *name == COOKIE)?;
        let (account, signature) = session.split_once(':')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.mac(account).verify_slice(&signature).ok()?;
        Some(account.to_owned())
    }

    fn mac(&self, account: &str) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(self.key.as_bytes()).expect("HMAC takes a key of any length");
        mac.chain_update(account)
    }
}

#[cfg(test)]
mod tests {
    use super::{Sessions, is_account};

    #[test]
    fn a_session_is_believed_only_with_its_own_signature() {
        let sessions = Sessions::new("key".into());
        let cookie = sessions.cookie("alice");
        let (cookie, _) = cookie.split_once(';').unwrap();
        assert_eq!(sessions.account(&format!("a=b; {cookie}; c=d")).as_deref(), Some("alice"));
        for forged in
            ["", "session=alice", "session=alice:", &cookie.replace("alice", "bob"), &cookie[..cookie.len() - 1]]
        {
            assert_eq!(sessions.account(forged), None, "{forged}");
        }
        assert_eq!(Sessions::new("other".into()).account(cookie), None);
    }

    #[test]
    fn accounts_are_plain() {
        assert!(is_account("alice.b-c_1"));
        for bad in ["", "a b", "a;b", "ä", &"a".repeat(65)] {
            assert!(!is_account(bad), "{bad}");
        }
    }
}
