//! What we add to rolldown: which imports stay, what stands for built-ins, text and data, and who imports whom.
//!
//! A refused import resolves to a synthetic module that cannot be loaded, because that is when rolldown reports the
//! place of the import. Why it was refused is kept here and found by its number.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rolldown::ModuleType;
use rolldown::plugin::{
    HookLoadArgs, HookLoadOutput, HookLoadReturn, HookNoopReturn, HookResolveIdArgs, HookResolveIdOutput,
    HookResolveIdReturn, HookTransformAstArgs, HookTransformAstReturn, HookUsage, Plugin, PluginContext,
    PluginContextResolveOptions, SharedLoadPluginContext,
};
use rolldown_common::side_effects::HookSideEffects;
use rolldown_common::{ImportKind, ModuleInfo, NormalModule, ResolvedId};
use rolldown_error::DiagnosticOptions;
use rolldown_resolver::ResolveError;

use crate::decorators;
use crate::error::{Place, Problem};
use crate::graph::Graph;
use crate::limits::{FILE_LEN_MAX, FILES_MAX, PROBLEMS_MAX};
use crate::options::{Options, RuleKind};
use crate::resolve::{self, Target};
use crate::rules::Rules;
use crate::synthetic;

/// What the plugin knows and finds out, shared with those who report.
#[derive(Debug)]
pub(crate) struct State {
    /// The project's folder, without links.
    pub(crate) root: PathBuf,
    rules: Rules,
    alias: BTreeMap<String, String>,
    /// Locked for one insertion or one search, never across an await.
    graph: Mutex<Graph>,
    /// Why imports were refused, by their number. Locked as `graph` is.
    refusals: Mutex<Vec<Problem>>,
    /// What we found in code that rolldown finds nothing wrong with. Locked as `graph` is.
    findings: Mutex<Vec<Problem>>,
}

impl State {
    pub(crate) fn new(options: &Options, root: PathBuf) -> Self {
        Self {
            root,
            rules: Rules::new(&options.rules),
            alias: options.alias.clone(),
            graph: Mutex::default(),
            refusals: Mutex::default(),
            findings: Mutex::default(),
        }
    }

    /// Who imports whom, as far as is known.
    pub(crate) fn graph(&self) -> MutexGuard<'_, Graph> {
        self.graph.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What we found in code that rolldown finds nothing wrong with.
    pub(crate) fn findings(&self) -> MutexGuard<'_, Vec<Problem>> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the import was refused whose number is in `text`.
    pub(crate) fn refusal(&self, text: &str) -> Option<Problem> {
        let (_, after) = text.split_once(synthetic::REFUSED.trim_start_matches('\0'))?;
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let number = after[..digits].parse::<usize>().ok()?;
        Some(self.refusals().get(number).cloned().unwrap_or_else(|| Problem::new("more imports are refused")))
    }

    /// Why the file at `path` cannot be bundled, if it cannot.
    pub(crate) fn objection(&self, path: &Path) -> Option<Problem> {
        let name = path.strip_prefix(&self.root).unwrap_or(path).display();
        match self.rules.kind(&self.root, path) {
            Some(RuleKind::CompiledWasm) => {
                let problem = Problem::new(format!("{name} is WebAssembly, which the engine does not have"));
                return Some(problem.with_hint("use a build of the package without WebAssembly, or write it in Rust"));
            }
            None => {
                let extension = path.extension().unwrap_or_default().display();
                let problem = Problem::new(format!("no rule says how to load {name}"));
                return Some(problem.with_hint(format!("add a rule of type Text or Data for **/*.{extension} files")));
            }
            Some(_) => {}
        }
        match File::open(path).and_then(|file| file.metadata()) {
            Err(error) => return Some(Problem::new(format!("cannot read {name}: {error}"))),
            Ok(metadata) if metadata.len() > FILE_LEN_MAX => {
                return Some(Problem::new(format!("{name} has more than {} MiB", FILE_LEN_MAX >> 20)));
            }
            Ok(_) => {}
        }
        let is_full = self.graph().len() >= FILES_MAX;
        is_full.then(|| Problem::new(format!("the bundle has more than {FILES_MAX} files")))
    }

    fn refuse(&self, problem: Problem) -> HookResolveIdOutput {
        let mut refusals = self.refusals();
        // What does not fit is not shown; that there is a problem stays true.
        let number = refusals.len();
        if number < PROBLEMS_MAX {
            refusals.push(problem);
        }
        HookResolveIdOutput::from_id(format!("{}{number}", synthetic::REFUSED))
    }

    fn refusals(&self) -> MutexGuard<'_, Vec<Problem>> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn found(&self, resolved: ResolvedId) -> Option<HookResolveIdOutput> {
        // A file that a package's `browser` field leaves out: only rolldown can say so.
        if resolved.id.is_empty_module() {
            return None;
        }
        if let Some(problem) = resolved.id.as_path().and_then(|path| self.objection(path)) {
            return Some(self.refuse(problem));
        }
        Some(HookResolveIdOutput::from_resolved_id(resolved))
    }

    fn not_found(&self, args: &HookResolveIdArgs<'_>, alias: Option<&str>, error: &ResolveError) -> Option<Problem> {
        let written = args.specifier;
        if let Some(alias) = alias {
            return Some(Problem::new(format!("cannot find \"{alias}\", which is the alias of \"{written}\"")));
        }
        if !matches!(error, ResolveError::NotFound(_)) {
            let options = DiagnosticOptions { cwd: self.root.clone() };
            let reason = rolldown_error::resolve_error_to_message(error, &options);
            return Some(Problem::new(format!("cannot resolve \"{written}\": {reason}")));
        }
        // What code loads when it needs it may be optional: rolldown knows whether it is in a `try`.
        (args.kind == ImportKind::Import)
            .then(|| resolve::missing(written, Path::new(args.importer.unwrap_or_default())))
    }
}

/// The plugin of one bundle.
#[derive(Debug)]
pub(crate) struct Workers(pub(crate) Arc<State>);

impl Plugin for Workers {
    fn name(&self) -> Cow<'static, str> {
        "dormouse".into()
    }

    fn register_hook_usage(&self) -> HookUsage {
        HookUsage::ResolveId | HookUsage::Load | HookUsage::TransformAst | HookUsage::ModuleParsed
    }

    async fn resolve_id(&self, ctx: &PluginContext, args: &HookResolveIdArgs<'_>) -> HookResolveIdReturn {
        let state = &self.0;
        let Some(importer) = args.importer.filter(|_| args.kind != ImportKind::NewUrl) else { return Ok(None) };
        if args.specifier == synthetic::DECODER {
            return Ok(Some(HookResolveIdOutput::from_id(synthetic::DECODER)));
        }
        let alias = resolve::alias(&state.alias, args.specifier);
        let specifier = alias.as_deref().unwrap_or(args.specifier);
        match resolve::target(specifier) {
            Target::Platform => return Ok(Some(platform(specifier, args.kind))),
            Target::Network => {
                let problem =
                    Problem::new(format!("imports from the network, as of \"{specifier}\", are not supported"));
                return Ok(Some(state.refuse(problem.with_hint("install the package with npm"))));
            }
            Target::Disk => {}
        }
        // What an alias names is relative to the project, not to the file that imports it.
        let of_project = alias.is_some().then(|| state.root.join("alias").to_string_lossy().into_owned());
        let importer = of_project.as_deref().unwrap_or(importer);
        let options = PluginContextResolveOptions { import_kind: args.kind, skip_self: true, ..Default::default() };
        Ok(match ctx.resolve(specifier, Some(importer), Some(options)).await? {
            Ok(resolved) => state.found(resolved),
            Err(error) => match resolve::built_in(specifier) {
                Some(built_in) => Some(platform(&built_in, args.kind)),
                None => {
                    let problem = state.not_found(args, alias.as_deref(), &error);
                    problem.map(|problem| state.refuse(problem))
                }
            },
        })
    }

    async fn load(&self, ctx: SharedLoadPluginContext, args: &HookLoadArgs<'_>) -> HookLoadReturn {
        if let Some(code) = synthetic::code(args.id) {
            return Ok(Some(loaded(code, ModuleType::Js)));
        }
        if args.id.starts_with('\0') {
            // A refusal of ours is found by its number, so the text of this error is not seen.
            let is_refusal = args.id.starts_with(synthetic::REFUSED);
            return if is_refusal { Err(std::io::Error::other("refused").into()) } else { Ok(None) };
        }
        let path = Path::new(args.id);
        let kind = self.0.rules.kind(&self.0.root, path).unwrap_or(RuleKind::Code);
        if kind == RuleKind::Code {
            return Ok(None);
        }
        ctx.add_watch_file(args.id);
        let bytes = std::fs::read(path)?;
        Ok(Some(match kind {
            RuleKind::Data => loaded(synthetic::data(&bytes), ModuleType::Js),
            RuleKind::Json => loaded(text(&bytes), ModuleType::Json),
            _ => loaded(text(&bytes), ModuleType::Text),
        }))
    }

    async fn transform_ast(&self, ctx: &PluginContext, args: HookTransformAstArgs<'_>) -> HookTransformAstReturn {
        let path = Path::new(args.id);
        let is_own = path.is_absolute() && !path.components().any(|part| part.as_os_str() == "node_modules");
        if let Some(offset) = decorators::first(args.ast.program()).filter(|_| is_own) {
            // A configuration that cannot be read is reported by those who need it.
            let options = ctx.options().transform_options.options_for_file(Some(path), &mut Vec::new());
            if options.is_ok_and(|options| !options.decorator.legacy) {
                let place = Place::at_offset(args.stable_id, args.ast.source(), offset);
                self.0.findings().push(Problem { place: Some(place), ..decorators::problem() });
            }
        }
        Ok(args.ast)
    }

    async fn module_parsed(&self, _: &PluginContext, info: Arc<ModuleInfo>, _: &NormalModule) -> HookNoopReturn {
        let imported = info.imported_ids.iter().chain(&info.dynamically_imported_ids);
        self.0.graph().add(info.id.as_str(), imported.map(|id| id.as_str().to_owned()).collect());
        Ok(())
    }
}

/// A module of the platform. `require` has no way to it in an ES module, so a module that imports it is between.
fn platform(specifier: &str, kind: ImportKind) -> HookResolveIdOutput {
    if kind == ImportKind::Require {
        return HookResolveIdOutput::from_id(format!("{}{specifier}", synthetic::REQUIRED));
    }
    HookResolveIdOutput { external: Some(true.into()), ..HookResolveIdOutput::from_id(specifier) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Generated code, which may go if nobody uses it.
fn loaded(code: String, module_type: ModuleType) -> HookLoadOutput {
    HookLoadOutput {
        code: code.into(),
        module_type: Some(module_type),
        side_effects: Some(HookSideEffects::False),
        // Nobody wrote it, so the source map has nothing to show.
        map: Some(rolldown_sourcemap::empty_sourcemap()),
    }
}
