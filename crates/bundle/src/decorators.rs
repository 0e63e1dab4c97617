//! Decorators of the standard's coming form, which rolldown leaves in the code and no engine runs yet.
//!
//! Those of TypeScript (`experimentalDecorators`) are compiled and are no concern here.

use oxc::ast::ast::{Decorator, Program};
use oxc::ast_visit::Visit;

use crate::error::Problem;

/// Where the first decorator of a program is, in bytes.
pub(crate) fn first(program: &Program<'_>) -> Option<usize> {
    let mut finder = Finder::default();
    if program.source_text.contains('@') {
        finder.visit_program(program);
    }
    finder.0
}

/// What to say about it.
pub(crate) fn problem() -> Problem {
    let problem = Problem::new("this decorator is of the standard's form, which the engine does not have");
    problem.with_hint("set \"experimentalDecorators\": true in tsconfig.json if it is one of TypeScript's")
}

#[derive(Default)]
struct Finder(Option<usize>);

impl<'a> Visit<'a> for Finder {
    fn visit_decorator(&mut self, decorator: &Decorator<'a>) {
        let at = decorator.span.start as usize;
        self.0 = Some(self.0.map_or(at, |first| first.min(at)));
    }
}
