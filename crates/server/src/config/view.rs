//! What is in effect: the top level, or one environment over it.
//!
//! The rules are wrangler's and stand in the table of keys: an inheritable key falls back to the top level as a whole,
//! without merging; a binding does not.

use super::keys::{Key, Scope, top_level_key};
use super::tree::Node;

/// A file as one environment, or none, sees it.
pub(crate) struct View<'a> {
    /// The top level.
    pub(crate) top: &'a Node,
    /// The chosen environment.
    pub(crate) environment: Option<(&'a str, &'a Node)>,
}

impl<'a> View<'a> {
    /// The value of a top-level key that is in effect, and its path.
    pub(crate) fn get(&self, name: &str) -> Option<(String, &'a Node)> {
        let key = top_level_key(name)?;
        if let Some((environment, table)) = self.environment
            && key.scope != Scope::TopLevel
            && let Some(node) = table.get(name)
        {
            return Some((format!("env.{environment}.{name}"), node));
        }
        self.top.get(name).filter(|_| self.top_is_in_effect(key)).map(|node| (name.to_owned(), node))
    }

    /// The same without the path.
    pub(crate) fn node(&self, name: &str) -> Option<&'a Node> {
        self.get(name).map(|(_, node)| node)
    }

    /// Whether the value of `key` at the top level, if there is one, has an effect.
    pub(crate) fn top_is_in_effect(&self, key: &Key) -> bool {
        match self.environment {
            None => true,
            Some((_, table)) => match key.scope {
                Scope::TopLevel | Scope::Within => true,
                Scope::Inherited => table.get(key.path).is_none(),
                Scope::Own => false,
            },
        }
    }
}
