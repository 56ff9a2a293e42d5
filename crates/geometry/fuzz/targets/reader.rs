//! `scripts/soak fuzz`; what is asked of each input is what the tests ask of the corpus.
#![no_main]

#[path = "../../tests/it/fuzzed/reader.rs"]
mod reader;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| reader::check(bytes));
