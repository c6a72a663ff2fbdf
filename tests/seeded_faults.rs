//! The first faults of a seed, as `scripts/soak` runs them for as long as it is told to.

use tests::faults::{Plan, Scene, run};

/// Of each, one that needs nothing restarted, so that this takes seconds.
const QUICK: [&str; 4] = [
    "link to broker dead",
    "broker frozen",
    "path gone",
    "robot killed",
];

#[tokio::test]
async fn after_each_of_some_faults_the_wheels_rest_in_time_and_the_robot_serves_again() {
    let mut scene = Scene::start().await;
    for kind in QUICK {
        let round = Plan::new(11, kind).next().unwrap();
        let outcome = run(&mut scene, round).await;
        assert_eq!(outcome.broken, [], "{round:?}: {:#?}", outcome.events);
        assert!(outcome.writes.iter().any(|write| write.moves()));
    }
}
