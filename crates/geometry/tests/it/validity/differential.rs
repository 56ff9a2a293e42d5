//! The verdict, the reason and the place are those of PostGIS, for geometries that aim at the hard cases.
//!
//! A few seconds of it; `scripts/soak geometry` goes on for as long as one likes.

use std::time::{Duration, Instant};

use anyhow::Result;
use cutover_geometry::{Ewkb, RingRule, Validator};

use super::figure::Figure;
use super::server::{Server, Verdict};
use super::{from_environment, generator, seeded};

const BATCH: usize = 1500;
const BATCHES: usize = 4;

#[tokio::test]
async fn the_verdict_of_postgis_on_random_geometries() -> Result<()> {
    let mut random = seeded();
    let minutes = from_environment("CUTOVER_TEST_MINUTES").map(|minutes| minutes.parse().unwrap());
    let server = Server::open().await?;
    let (started, mut batches, mut valid) = (Instant::now(), 0, 0);
    while minutes.map_or(batches < BATCHES, |minutes| {
        started.elapsed() < Duration::from_mins(minutes)
    }) {
        // One in four by the rule of ESRI.
        let rule = match batches % 4 {
            3 => RingRule::SelfTouchMakesHole,
            _ => RingRule::Ogc,
        };
        let figures: Vec<Figure> = (0..BATCH).map(|_| generator::figure(&mut random)).collect();
        let values: Vec<Vec<u8>> = figures.iter().map(Figure::encode).collect();
        let mut validator = Validator::new().ring_rule(rule);
        for ((figure, bytes), theirs) in figures
            .iter()
            .zip(&values)
            .zip(server.judge(&values, rule).await?)
        {
            if ours(&mut validator, bytes) != theirs {
                report(figure, rule, &server, &mut validator).await?;
            }
            valid += usize::from(theirs == Verdict::Valid);
        }
        batches += 1;
    }
    println!("{} geometries, {valid} of them valid", batches * BATCH);
    // Both verdicts are common, or the generators miss their aim.
    assert!(
        (0.1..0.6).contains(&(f64::from(u32::try_from(valid)?) / f64::from(u32::try_from(batches * BATCH)?)))
    );
    Ok(())
}

fn ours(validator: &mut Validator, bytes: &[u8]) -> Verdict {
    Verdict::ours(&validator.check(&Ewkb::parse(bytes).unwrap()))
}

/// Fails with the smallest figure found on which the two disagree.
async fn report(figure: &Figure, rule: RingRule, server: &Server, validator: &mut Validator) -> Result<()> {
    let mut figure = figure.clone();
    'smaller: loop {
        let smaller = figure.smaller();
        let values: Vec<Vec<u8>> = smaller.iter().map(Figure::encode).collect();
        let verdicts = server.judge(&values, rule).await?;
        for ((smaller, bytes), theirs) in smaller.into_iter().zip(&values).zip(verdicts) {
            if ours(validator, bytes) != theirs {
                figure = smaller;
                continue 'smaller;
            }
        }
        break;
    }
    let bytes = figure.encode();
    let theirs = server.judge([&bytes], rule).await?;
    assert_eq!(
        ours(validator, &bytes),
        theirs[0],
        "ours and PostGIS' verdict by {rule:?} of\n{}\n{}",
        figure.wkt(),
        cutover_geometry::encode_hex(&bytes)
    );
    Ok(())
}
