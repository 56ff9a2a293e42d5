//! The demo, on the smallest dataset there is.

use crate::command::Workplace;

#[test]
fn the_demo_ends_well() {
    let workplace = Workplace::empty();
    let demo = workplace.json(&["demo", "--scale", "0.0001", "--readers", "8"]);
    let demo = &demo["demo"];
    for (index, during) in ["Oct2025 goes live", "Oct2025 is taken back"]
        .into_iter()
        .enumerate()
    {
        let seen = &demo["readers"][index];
        assert_eq!(seen["during"], during);
        assert_eq!(seen["errors"], 0);
        assert_eq!(seen["mixed_reads"], 0);
        for month in ["Sep2025", "Oct2025"] {
            assert!(seen["by_release"][month].as_u64().unwrap() > 0, "{seen}");
        }
    }
    assert_eq!(demo["status"]["current"]["label"], "Sep2025");
    assert_eq!(demo["release"]["swap"]["relations"], 25);
}
