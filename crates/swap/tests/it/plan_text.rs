use crate::release_set::ReleaseSet;

#[tokio::test]
async fn the_plan_reads_as_a_script() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    let text = plan
        .to_string()
        .replace(plan.digest().short(), "DIGEST")
        .replace(plan.backup.as_str(), "YYMMDDHHMM");
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn the_plan_is_data_too() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["backup"], plan.backup.as_str());
    let first = &json["take_locks"]["steps"][0];
    assert_eq!(first["purpose"], "lock");
    assert_eq!(first["locks"][0]["mode"], "access_exclusive");
}
