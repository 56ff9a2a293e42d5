//! The importer's ways; which one it is, is its own choice.

use anyhow::{Result, anyhow, ensure};
use cutover_benches::ChunkedImport;
use cutover_core::{Events, Ident, QualifiedName};
use cutover_importer::preflight::{Check, GeometryCheck, PreflightPlan, PreflightSettings};
use cutover_importer::{Direct, Import, ImportPlan, LoadSettings, Source};
use deadpool_postgres::{Manager, Pool};
use tokio_postgres::NoTls;

use crate::servers::Servers;

pub(crate) async fn server_side(servers: &Servers) -> Result<()> {
    let mut target = servers.live.connect().await?;
    let transaction = target.transaction().await?;
    let plan = ImportPlan::read(&import("portal_sites")?, &settings()?, &transaction, None).await?;
    transaction.rollback().await?;
    plan.run(&mut target, None, &Events::none()).await?;
    Ok(())
}

pub(crate) async fn pipe(servers: &Servers) -> Result<()> {
    let (mut source, mut target) = (servers.portal.connect().await?, servers.live.connect().await?);
    let (reading, writing) = (source.transaction().await?, target.transaction().await?);
    let plan = ImportPlan::read(&import("sites")?, &settings()?, &writing, Some(&reading)).await?;
    writing.rollback().await?;
    reading.rollback().await?;
    plan.run(&mut target, Some(&mut source), &Events::none()).await?;
    Ok(())
}

/// Whether the geometries are checked, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checked {
    Not,
    /// By a read of their own, before.
    Apart,
    /// On the rows that pass.
    InPassing,
}

impl Checked {
    async fn before(self, servers: &Servers, import: Import) -> Result<Import> {
        match self {
            Self::Not => Ok(import),
            Self::InPassing => Ok(import.checked([check()?])),
            Self::Apart => {
                let manager = Manager::new(servers.live.url().parse()?, NoTls);
                let pool = Pool::builder(manager).max_size(1).build()?;
                let settings = PreflightSettings::new([Ident::new("public")?]);
                let plan = PreflightPlan::read(&pool, &[check()?], &settings).await?;
                let report = plan.run(&pool, &Events::none()).await;
                ensure!(report.checks[0].violations() == 0, "{report}");
                Ok(import)
            }
        }
    }
}

fn check() -> Result<Check> {
    let view = QualifiedName::new(Ident::new("public")?, Ident::new("portal_sites")?);
    let geometry = GeometryCheck::new(view, Ident::new("geom")?, 4326).types(["Polygon"]);
    Ok(Check::geometry(geometry.key([Ident::new("id")?])))
}

/// Through the foreign data wrapper, and the client.
pub(crate) async fn foreign_pipe(servers: &Servers, checked: Checked) -> Result<()> {
    let import = checked.before(servers, import("portal_sites")?).await?;
    let (mut source, mut target) = (servers.live.connect().await?, servers.live.connect().await?);
    let (reading, writing) = (source.transaction().await?, target.transaction().await?);
    let plan = ImportPlan::read(&import, &settings()?, &writing, Some(&reading)).await?;
    let outcome = plan.run_in(&writing, Some(&reading), &Events::none()).await?;
    ensure!(outcome.checks.len() == usize::from(checked == Checked::InPassing));
    writing.commit().await?;
    Ok(())
}

/// With everything that proves it sound.
pub(crate) async fn straight(servers: &Servers, checked: Checked) -> Result<()> {
    let import = checked.before(servers, import("portal_sites")?).await?;
    let mut target = servers.live.connect().await?;
    let writing = target.transaction().await?;
    let not_direct = |why| anyhow!("not straight from the portal: {why}");
    let direct = Direct::find(&import, &settings()?, &writing)
        .await?
        .map_err(not_direct)?;
    let mut source = direct
        .login(&writing)
        .await?
        .map_err(not_direct)?
        .connect("import")
        .await?;
    let reading = source.build_transaction().read_only(true).start().await?;
    direct.verify(&writing, &reading).await?.map_err(not_direct)?;
    let plan = ImportPlan::read(direct.import(), direct.settings(), &writing, Some(&reading)).await?;
    let outcome = plan.run_in(&writing, Some(&reading), &Events::none()).await?;
    ensure!(outcome.checks.len() == usize::from(checked == Checked::InPassing));
    writing.commit().await?;
    Ok(())
}

/// In the order of the key, with a checkpoint for each chunk; of the importer's own size where none is given.
pub(crate) async fn in_chunks(servers: &Servers, mebibytes: Option<u16>, ranges: u32) -> Result<()> {
    let mut settings = settings()?;
    if let Some(mebibytes) = mebibytes {
        settings = settings.chunk_bytes(usize::from(mebibytes) << 20);
    }
    let import = ChunkedImport {
        live: &servers.live,
        import: import("portal_sites")?.key([Ident::new("id")?]),
        settings,
        ranges,
    };
    import.run().await
}

fn import(source: &str) -> Result<Import> {
    let public = |name| Ok::<_, anyhow::Error>(QualifiedName::new(Ident::new("public")?, Ident::new(name)?));
    Ok(Import::new(
        "sites",
        public("sites")?,
        Source::Relation(public(source)?),
    ))
}

fn settings() -> Result<LoadSettings> {
    Ok(LoadSettings::new([Ident::new("public")?]))
}
