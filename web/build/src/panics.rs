//! Leaves out what a panic would say.
//!
//! Nobody would hear it: a page has no standard error, and the trap alone reaches the
//! console and the loader. But the words, and the machinery that puts them together, are a
//! part of the module, because tables of functions refer to them.

use std::{collections::BTreeSet, ops::Range};

use anyhow::bail;
use walrus::{
    ConstExpr, DataId, DataKind, FunctionBuilder, FunctionId, FunctionKind, LocalFunction, Module,
    ir::{self, Unreachable, Value, Visitor},
};

/// Where a panic begins and goes on, in the words of the mangled names.
const PANICS: [&str; 16] = [
    "panic_advance",
    "13unwrap_failed",
    "13expect_failed",
    "13assert_failed",
    "13panic_handler",
    "16slice_error_fail",
    "16slice_index_fail",
    "17len_mismatch_fail",
    "17capacity_overflow",
    "18handle_alloc_error",
    "19assert_failed_inner",
    "14panic_poisoned",
    "panic_already_",
    "9panicking",
    "17rust_begin_unwind",
    "rust_panic",
];

/// What turns values into text, by the two ways of mangling names.
const FORMATTING: [&str; 5] = [
    "_4core3fmt",
    "2io5Write9write_fmt",
    "core..fmt..",
    "3fmt5Debug3fmt",
    "3fmt7Display3fmt",
];

/// Makes every panic the bare trap that it comes to in the end, and takes out what only
/// they would format.
///
/// # Errors
/// If something else formats text, which would trap instead: numbers and texts are put
/// together by hand in a page, at a tenth of the size.
pub(crate) fn silence(module: &mut Module) -> anyhow::Result<()> {
    let named = |words: &[&str]| -> BTreeSet<FunctionId> {
        let functions = module.funcs.iter_local();
        functions
            .filter(|(id, _)| {
                let name = module.funcs.get(*id).name.as_deref().unwrap_or_default();
                words.iter().any(|word| name.contains(word))
            })
            .map(|(id, _)| id)
            .collect()
    };
    let panics = named(&PANICS);
    if panics.is_empty() {
        bail!("no panic in the module has the name that it used to have");
    }
    let gone = &panics | &named(&FORMATTING);
    // A panic does not come back. Whatever does, nobody must miss.
    let comes_back = |id: &FunctionId| {
        let function = module.types.get(module.funcs.get(*id).ty());
        !panics.contains(id) || !function.results().is_empty()
    };
    for (id, function) in module.funcs.iter_local() {
        let misses = |callee: &FunctionId| gone.contains(callee) && comes_back(callee);
        if !gone.contains(&id)
            && let Some(callee) = calls(function).find(misses)
        {
            let name = |id| module.funcs.get(id).name.as_deref().unwrap_or_default();
            bail!("{} formats text, by {}", name(id), name(callee));
        }
    }
    for id in gone {
        trap(module, id);
    }
    forget_places(module);
    Ok(())
}

/// Wipes out what only panics refer to: the places in the source where they begin.
///
/// A place is four words (`core::panic::Location`): where its file's name is, how long that
/// is, line and column. Nothing else in a module refers to the name of a Rust file.
fn forget_places(module: &mut Module) {
    let segments: Vec<(u32, DataId)> = module
        .data
        .iter()
        .filter_map(|data| match data.kind {
            DataKind::Active {
                offset: ConstExpr::Value(Value::I32(offset)),
                ..
            } => Some((offset.cast_unsigned(), data.id())),
            _ => None,
        })
        .collect();
    let mut wiped: Vec<(DataId, Range<usize>)> = Vec::new();
    for (start, id) in &segments {
        let bytes = &module.data.get(*id).value;
        for (number, words) in bytes.windows(16).enumerate() {
            let word = |at: usize| words[at..].first_chunk().copied().map(u32::from_le_bytes);
            let aligned = (*start as usize + number).is_multiple_of(4);
            let Some((at, length)) = word(0).zip(word(4)).filter(|_| aligned) else {
                continue;
            };
            let file = segments.iter().find_map(|(start, id)| {
                let from = at.checked_sub(*start)? as usize;
                let range = from..from.checked_add(length as usize)?;
                let name = module.data.get(*id).value.get(range.clone())?;
                let path = |c: &u8| c.is_ascii_alphanumeric() || b"/_.-".contains(c);
                let file = name.ends_with(b".rs") && name.iter().all(path);
                file.then_some((*id, range))
            });
            if let Some(file) = file {
                wiped.extend([file, (*id, number..number + 16)]);
            }
        }
    }
    for (id, range) in wiped {
        module.data.get_mut(id).value[range].fill(0);
    }
}

fn calls(function: &LocalFunction) -> impl Iterator<Item = FunctionId> + use<> {
    #[derive(Default)]
    struct Calls(Vec<FunctionId>);
    impl Visitor<'_> for Calls {
        fn visit_call(&mut self, call: &ir::Call) {
            self.0.push(call.func);
        }
    }
    let mut calls = Calls::default();
    ir::dfs_in_order(&mut calls, function, function.entry_block());
    calls.0.into_iter()
}

fn trap(module: &mut Module, id: FunctionId) {
    let types = module.types.get(module.funcs.get(id).ty());
    let (parameters, results) = (types.params().to_vec(), types.results().to_vec());
    let arguments = parameters.iter().map(|ty| module.locals.add(*ty)).collect();
    let mut trap = FunctionBuilder::new(&mut module.types, &parameters, &results);
    trap.func_body().instr(Unreachable {});
    module.funcs.get_mut(id).kind = FunctionKind::Local(trap.local_func(arguments));
}
