//! The importer's ways; which one it is, is its own choice.

use anyhow::{Result, anyhow};
use cutover_core::{Events, Ident, QualifiedName};
use cutover_importer::{Direct, Import, ImportPlan, LoadSettings, Source};

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

/// With everything that proves it sound.
pub(crate) async fn straight(servers: &Servers) -> Result<()> {
    let mut target = servers.live.connect().await?;
    let writing = target.transaction().await?;
    let not_direct = |why| anyhow!("not straight from the portal: {why}");
    let direct = Direct::find(&import("portal_sites")?, &settings()?, &writing)
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
    plan.run_in(&writing, Some(&reading), &Events::none()).await?;
    writing.commit().await?;
    Ok(())
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
