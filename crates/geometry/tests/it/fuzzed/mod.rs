//! What the fuzz targets ask of each input, asked of their corpus: what fuzzing came upon stays tested.

mod reader;
mod validator;

fn each_input(target: &str, check: fn(&[u8])) {
    let corpus = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut inputs = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        check(&std::fs::read(entry.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs > 100, "{inputs} inputs for {target}");
}

#[test]
fn the_corpus_of_the_reader() {
    each_input("reader", reader::check);
}

#[test]
fn the_corpus_of_the_validator() {
    each_input("validator", validator::check);
}
