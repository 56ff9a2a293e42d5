//! Validity: each rule by example, and PostGIS asked about thousands of random geometries.

mod corpus; // each rule by example
mod differential; // the same verdict, reason and place as PostGIS
pub(crate) mod figure; // a geometry as lists of vertices
pub(crate) mod generator; // random figures on the edge of validity
mod invariance; // what must not change the verdict, and bytes that must not cause a panic
mod server; // PostGIS as the judge

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// Printed, so that a failure can be had again.
#[expect(clippy::print_stdout, reason = "shown when the test fails")]
pub(crate) fn seeded() -> ChaCha8Rng {
    let seed = from_environment("CUTOVER_TEST_SEED").map_or_else(
        || {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            u64::from(now.unwrap().subsec_nanos())
        },
        |seed| seed.parse().unwrap(),
    );
    println!("seed {seed}; try it again with CUTOVER_TEST_SEED={seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the soak script says by the environment how long and from which seed"
)]
fn from_environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
