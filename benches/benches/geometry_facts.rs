//! How many bytes of EWKB are checked, and their facts gathered, in a second.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use cutover_benches::polygon;
use cutover_geometry::{Ewkb, EwkbError, Extent, Facts};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

fn facts(bytes: &[u8]) -> Result<Facts, EwkbError> {
    Ok(Ewkb::parse(bytes)?.facts_within(Extent::LON_LAT))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("geometry_facts");
    // The median, the mean and the tail of protected areas.
    for vertices in [100, 300, 30_000] {
        let bytes = polygon(&mut ChaCha8Rng::seed_from_u64(1), vertices)?;
        facts(&bytes)?;
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_with_input(
            BenchmarkId::new("vertices", vertices),
            &bytes,
            |bencher, bytes| {
                bencher.iter(|| facts(black_box(bytes)));
            },
        );
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
