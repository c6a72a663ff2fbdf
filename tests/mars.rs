//! The Mars API of a running station: who may ask for what.
//!
//! What it answers, and how it copes with NASA's servers, is tested beside its code.

use serde_json::{Value, json};
use tests::{Station, eventually};

/// A bitmap of 320×240 with 256 colours.
const BITMAP_BYTES: usize = 14 + 40 + 4 * 256 + 320 * 240;

async fn mars(station: &Station, key: Option<&str>) -> (u16, Value) {
    let headers: Vec<_> = key.iter().map(|key| ("x-api-key", *key)).collect();
    station.ask("GET", "/mars", &headers, "").await
}

#[tokio::test]
async fn the_report_needs_a_key_that_may_and_its_picture_none() {
    let station = Station::start_with(&["--mars-offline"]).await;
    let forbidden = (403, json!({"message": "Forbidden"}));
    assert_eq!(mars(&station, None).await, forbidden);
    assert_eq!(mars(&station, Some("guessed")).await, forbidden);
    station.new_robot("rover").await;
    let publisher = station.new_key("rover").await;
    // A key of another kind, once the station has noticed it.
    eventually("the new key is known", async || {
        let (status, _) = station.publish("rover", &publisher, "{}").await;
        (status == 400).then_some(())
    })
    .await;
    assert_eq!(mars(&station, Some(&publisher)).await, forbidden);

    let display = station.command(&["new-key", "--may", "mars"]).await;
    let report = eventually("the new key is known", async || {
        let (status, report) = mars(&station, Some(display.trim())).await;
        (status == 200).then_some(report)
    })
    .await;
    let report: wire::mars::Report = serde_json::from_value(report).expect("the contract");
    assert_eq!(
        report.insight,
        wire::mars::Weather::default(),
        "nobody was asked"
    );
    assert!(
        report
            .image_url
            .starts_with(&format!("http://{}/", station.ready.http))
    );

    let headers = [("x-api-key", display.trim())];
    let (status, refusal) = station.ask("GET", "/mars?rover=spirit", &headers, "").await;
    assert_eq!(status, 400, "{refusal}");
    let message = refusal["message"].as_str().expect("it says why");
    assert!(message.contains("perseverance"), "{message}");

    let picture = station
        .client
        .get(&report.image_url)
        .send()
        .await
        .expect("it answers");
    assert_eq!(picture.status().as_u16(), 200);
    assert_eq!(picture.headers()["content-type"], "image/bmp");
    let bitmap = picture.bytes().await.expect("a body");
    assert_eq!((&bitmap[..2], bitmap.len()), (&b"BM"[..], BITMAP_BYTES));
}
