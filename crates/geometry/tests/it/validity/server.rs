//! What PostGIS says of geometries.

use anyhow::{Context as _, Result};
use cutover_geometry::{Invalid, InvalidReason, RingRule, encode_hex};
use cutover_testkit::{Cluster, TestDatabase};
use tokio_postgres::{Client, Statement};

/// A verdict where PostGIS gives one for each geometry of a batch, also where it raises an error instead.
const JUDGE: &str = "
CREATE FUNCTION judge(shape geometry, flags int, OUT is_valid bool, OUT reason text, OUT x float8, OUT y float8)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT valid, detail.reason, ST_X(location), ST_Y(location) INTO is_valid, reason, x, y
    FROM ST_IsValidDetail(shape, flags) AS detail;
EXCEPTION WHEN OTHERS THEN
    BEGIN
        -- A place that is not finite is no geometry for ST_IsValidDetail, which fails then.
        is_valid := ST_IsValid(shape);
        reason := CASE WHEN NOT is_valid THEN ST_IsValidReason(shape) END;
    EXCEPTION WHEN OTHERS THEN
        is_valid := NULL;
    END;
END
$$";

pub(crate) struct Server {
    client: Client,
    statement: Statement,
    _database: TestDatabase,
}

/// X and Y as text, so that NaNs compare.
type Place = [String; 2];

/// Two NaNs are an empty point.
fn place(at: [f64; 2]) -> Option<Place> {
    let is_empty = at.iter().all(|ordinate| ordinate.is_nan());
    // Zeros lose their sign.
    (!is_empty).then(|| at.map(|ordinate| (ordinate + 0.0).to_string()))
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    Valid,
    Invalid(InvalidReason, Option<Place>),
    /// PostGIS raised an error.
    None,
}

impl Verdict {
    pub(crate) fn ours(judged: &Result<(), Invalid>) -> Self {
        match judged {
            Ok(()) => Self::Valid,
            Err(invalid) if invalid.reason == InvalidReason::Undecided => Self::None,
            Err(invalid) => Self::Invalid(invalid.reason, invalid.location.and_then(place)),
        }
    }
}

impl Server {
    pub(crate) async fn open() -> Result<Self> {
        let database = Cluster::shared().database().await?;
        let client = database.connect().await?;
        // What GEOS has to complain of would come as notices.
        client.batch_execute("SET client_min_messages = error").await?;
        client.batch_execute(JUDGE).await?;
        let statement = client
            .prepare(
                "SELECT j.* FROM unnest($1::text[]) WITH ORDINALITY AS u (hex, at), judge(u.hex::geometry, $2) AS j ORDER BY at",
            )
            .await?;
        Ok(Self {
            client,
            statement,
            _database: database,
        })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) async fn judge<'b>(
        &self,
        values: impl IntoIterator<Item = &'b Vec<u8>>,
        rule: RingRule,
    ) -> Result<Vec<Verdict>> {
        let texts: Vec<String> = values.into_iter().map(|bytes| encode_hex(bytes)).collect();
        let flags: i32 = match rule {
            RingRule::SelfTouchMakesHole => 1,
            _ => 0,
        };
        let rows = self.client.query(&self.statement, &[&texts, &flags]).await?;
        assert_eq!(rows.len(), texts.len());
        let verdicts = rows
            .iter()
            .map(|row| match row.get::<_, Option<bool>>("is_valid") {
                Some(true) => Ok(Verdict::Valid),
                None => Ok(Verdict::None),
                Some(false) => {
                    let text: &str = row.get("reason");
                    let reason = InvalidReason::from_postgis(text)
                        .with_context(|| format!("PostGIS says `{text}`"))?;
                    let at = Option::zip(row.get::<_, Option<f64>>("x"), row.get::<_, Option<f64>>("y"));
                    Ok(Verdict::Invalid(reason, at.and_then(|(x, y)| place([x, y]))))
                }
            });
        verdicts.collect()
    }
}
