//! From our options to rolldown's, with what wrangler gives its own bundler (`deployment-bundle/bundle.ts`).

use std::path::Path;

use rolldown::{
    BundlerOptions, BundlerTransformOptions, ChecksOptions, CodeSplittingMode, Either, InputItem, JsxOptions,
    ModuleType, OutputFormat, Platform, RawMinifyOptions, ResolveOptions, SourceMapType, TsConfig,
};
use rolldown_fs::{OsFileSystem, OxcResolverFileSystem as _};
use rolldown_resolver::Resolver;

use crate::options::Options;

/// What the code may be written in when it comes out: wrangler's target. It has all that quickjs-ng has, and
/// nothing that it lacks: `using` is lowered.
const TARGET: &str = "es2024";

/// Conditions of a package's `exports`; `import` or `require`, and `default`, are the bundler's own.
const CONDITIONS: [&str; 3] = ["workerd", "worker", "browser"];

/// How often each name in `process.env.NODE_ENV` is written.
const NODE_ENV: [&str; 3] = ["process.env.NODE_ENV", "global.process.env.NODE_ENV", "globalThis.process.env.NODE_ENV"];

/// The options of rolldown for a project in `root` whose Worker is in `entry`.
pub(crate) fn bundler(options: &Options, root: &Path, entry: &Path) -> BundlerOptions {
    let tsconfig = options.tsconfig.as_ref().map(|path| root.join(path));
    let script = |extension: &str| (extension.to_owned(), ModuleType::Jsx);
    BundlerOptions {
        input: Some(vec![InputItem { name: Some("worker".into()), import: entry.to_string_lossy().into_owned() }]),
        cwd: Some(root.to_path_buf()),
        // Nothing is written; this is what the sources of the map are relative to.
        dir: Some(".".into()),
        platform: Some(Platform::Browser),
        format: Some(OutputFormat::Esm),
        sourcemap: Some(SourceMapType::Hidden),
        code_splitting: Some(CodeSplittingMode::Bool(false)),
        // Wrangler accepts JSX in plain JavaScript too.
        module_types: Some([".js", ".mjs", ".cjs"].map(script).into_iter().collect()),
        resolve: Some(ResolveOptions {
            condition_names: Some(CONDITIONS.map(str::to_owned).to_vec()),
            ..ResolveOptions::default()
        }),
        define: Some(define(options).into_iter().collect()),
        transform: Some(BundlerTransformOptions {
            target: Some(Either::Left(TARGET.into())),
            jsx: jsx(options, root, entry).map(Either::Right),
            ..BundlerTransformOptions::default()
        }),
        tsconfig: Some(tsconfig.map_or(TsConfig::Auto(true), TsConfig::Manual)),
        keep_names: Some(options.keep_names),
        minify: Some(RawMinifyOptions::Bool(options.minify)),
        checks: Some(ChecksOptions {
            // With one module, no import splits anything, and the time of our plugin is our own concern.
            ineffective_dynamic_import: Some(false),
            plugin_timings: Some(false),
            configuration_field_conflict: Some(false),
            ..ChecksOptions::default()
        }),
        ..BundlerOptions::default()
    }
}

/// Wrangler's definitions, which the project's own may replace.
fn define(options: &Options) -> Vec<(String, String)> {
    let node_env = format!("{:?}", options.node_env);
    let ours = NODE_ENV.map(|name| (name.to_owned(), node_env.clone()));
    let agent = ("navigator.userAgent".to_owned(), "\"Cloudflare-Workers\"".to_owned());
    let all = ours.into_iter().chain([agent]).filter(|(name, _)| !options.define.contains_key(name));
    all.chain(options.define.clone()).collect()
}

/// What JSX becomes where the TypeScript configuration does not say, or says that it should stay.
fn jsx(options: &Options, root: &Path, entry: &Path) -> Option<JsxOptions> {
    let runtime = match configured_jsx(options, root, entry).as_deref() {
        // Wrangler's bundler compiles in the classic way unless told otherwise.
        None => Some("classic"),
        Some("preserve" | "react-native") => Some("automatic"),
        Some(_) => None,
    };
    let is_classic = runtime == Some("classic");
    let names = &options.jsx;
    (runtime.is_some() || names.factory.is_some() || names.fragment.is_some()).then(|| JsxOptions {
        runtime: runtime.map(str::to_owned),
        pragma: names.factory.clone().filter(|_| is_classic || runtime.is_none()),
        pragma_frag: names.fragment.clone().filter(|_| is_classic || runtime.is_none()),
        ..JsxOptions::default()
    })
}

/// `compilerOptions.jsx` of the configuration that governs the entry, those that it extends included. Whatever is
/// wrong with that file is reported when the bundler reads it.
fn configured_jsx(options: &Options, root: &Path, entry: &Path) -> Option<String> {
    let nearest = || entry.ancestors().skip(1).map(|folder| folder.join("tsconfig.json")).find(|path| path.is_file());
    let path = options.tsconfig.as_ref().map(|path| root.join(path)).or_else(nearest)?;
    let manual = TsConfig::Manual(path.clone());
    let resolver = Resolver::new(
        OsFileSystem::new(false),
        root.to_path_buf(),
        Platform::Browser,
        &manual,
        ResolveOptions::default(),
    );
    resolver.resolve_tsconfig(&path).ok()?.compiler_options.jsx.clone()
}
