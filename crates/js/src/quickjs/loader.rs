//! The engine's module loader, over the [`Loader`] of an isolate.

use std::rc::Rc;

use rquickjs::loader::{ImportAttributes, Loader as EngineLoader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Error, Module, Result};

use crate::modules::{Loaded, Loader};

#[derive(Clone)]
pub(super) struct Modules(pub(super) Rc<dyn Loader>);

impl Resolver for Modules {
    fn resolve(&mut self, _: &Ctx<'_>, base: &str, name: &str, _: Option<ImportAttributes<'_>>) -> Result<String> {
        self.0.resolve(base, name).map_err(|message| Error::new_resolving_message(base, name, message))
    }
}

impl EngineLoader for Modules {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        match self.0.load(name) {
            Some(Loaded::Source(source)) => Module::declare(ctx.clone(), name, source.as_bytes()),
            // SAFETY: the bytes are this engine's own, made by `Engine::compile` in this process.
            Some(Loaded::Compiled(code)) => unsafe { Module::load(ctx.clone(), &code) },
            None => Err(Error::new_loading(name)),
        }
    }
}
