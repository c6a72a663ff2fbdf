use proptest::prelude::*;
use std::sync::LazyLock;

use super::*;

const WIDTH: usize = 320;
const HEIGHT: usize = 240;

/// Pixels of one frame.
#[derive(Clone, PartialEq)]
struct Drawn {
    luma: Vec<u8>,
    chroma: [Vec<u8>; 2],
}

fn draw(world: &World) -> Drawn {
    let mut drawn = Drawn {
        luma: vec![0; WIDTH * HEIGHT],
        chroma: [(); 2].map(|()| vec![0; WIDTH * HEIGHT / 4]),
    };
    let [u, v] = &mut drawn.chroma;
    world.draw(&mut Frame {
        width: WIDTH,
        height: HEIGHT,
        planes: [(&mut drawn.luma, WIDTH), (u, WIDTH / 2), (v, WIDTH / 2)],
    });
    drawn
}

/// Share of the pixels that differ by more than a coded picture's noise.
fn changed(before: &Drawn, after: &Drawn) -> f64 {
    let pairs = before.luma.iter().zip(&after.luma);
    pairs.filter(|(a, b)| a.abs_diff(**b) > 8).count() as f64 / before.luma.len() as f64
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Its ground takes a moment, and is the same for all.
pub(crate) fn world() -> World {
    static WORLD: LazyLock<World> = LazyLock::new(|| World::new(7));
    WORLD.clone()
}

#[test]
fn every_pixel_is_drawn() {
    let drawn = draw(&world());
    assert!(drawn.luma.iter().all(|luma| (16..=235).contains(luma)));
    assert!(
        drawn
            .chroma
            .iter()
            .flatten()
            .all(|chroma| (16..=240).contains(chroma))
    );
}

#[test]
fn a_robot_at_rest_sees_the_same_and_one_that_moves_does_not() {
    let mut world = world();
    world.advance([0.0, 0.0], seconds(60.0));
    let before = draw(&world);
    world.advance([0.0, 0.0], seconds(3600.0));
    assert!(draw(&world) == before, "nothing moves by itself");
    world.advance([0.5, 0.5], seconds(0.1));
    assert!(
        changed(&before, &draw(&world)) > 0.05,
        "a tenth of a second is seen"
    );
}

#[test]
fn it_drives_as_its_throttles_say() {
    let mut world = world();
    world.advance([0.5, 0.5], seconds(2.0));
    let Pose { x, y, theta } = world.pose();
    assert!(
        (0.6..0.9).contains(&x) && y.abs() < 0.01 && theta.abs() < 0.01,
        "forward: {x} {y} {theta}"
    );
    world.advance([-0.4, 0.4], seconds(0.5));
    assert!(
        world.pose().theta > 0.3,
        "left is counter-clockwise: {:?}",
        world.pose()
    );
    world.advance([0.4, -0.4], seconds(0.5));
    world.advance([-0.5, -0.5], seconds(1.0));
    assert!(world.pose().x < x, "and back: {:?}", world.pose());
}

#[test]
fn wheels_have_inertia_but_stop_soon() {
    let mut world = world();
    world.advance([1.0, 1.0], seconds(0.05));
    let begun = world.pose().x;
    assert!(begun > 0.0 && begun < 0.02, "{begun} m in the first 50 ms");
    world.advance([1.0, 1.0], seconds(1.0));
    let released = world.pose().x;
    world.advance([0.0, 0.0], seconds(1.0));
    let rest = world.pose();
    assert!(
        (0.02..0.15).contains(&(rest.x - released)),
        "{} m to rest",
        rest.x - released
    );
    world.advance([0.0, 0.0], seconds(1.0));
    assert!((world.pose().x - rest.x).abs() < 1e-3);
}

#[test]
fn how_time_is_cut_makes_no_difference() {
    let [mut whole, mut cut] = [world(), world()];
    whole.advance([0.7, 0.4], seconds(1.0));
    for _ in 0..1000 {
        cut.advance([0.7, 0.4], Duration::from_millis(1));
    }
    assert_eq!(whole.pose(), cut.pose());
}

#[test]
fn tracks_are_left_behind() {
    let mut world = world();
    world.advance([0.6, 0.6], seconds(1.5));
    world.advance([-0.6, -0.6], seconds(1.5));
    world.advance([0.0, 0.0], seconds(2.0));
    let untouched = World {
        rover: world.rover,
        ..self::world()
    };
    assert!(
        changed(&draw(&untouched), &draw(&world)) > 0.003,
        "its wheels have marked the dust"
    );
}

#[test]
fn the_screen_stops_the_robot_and_shows_its_picture() {
    let mut world = world();
    let dark = draw(&world);
    world.show(&Picture::new(4, vec![[255, 255, 255]; 12]).unwrap());
    let lit = draw(&world);
    assert!(
        (0.01..0.2).contains(&changed(&dark, &lit)),
        "{}",
        changed(&dark, &lit)
    );
    // Towards it and against it.
    world.advance([-0.15, 0.15], seconds(0.55));
    world.advance([1.0, 1.0], seconds(10.0));
    let [x, y, _] = screen::SITE.map(f64::from);
    let Pose { x: at, y: left, .. } = world.pose();
    assert!((at - x).hypot(left - y) > 0.2, "it stands in the screen");
}

#[test]
fn a_picture_needs_whole_rows() {
    assert_eq!(Picture::new(0, vec![[0; 3]; 4]), None);
    assert_eq!(Picture::new(3, vec![[0; 3]; 4]), None);
    assert_eq!(Picture::new(3, Vec::new()), None);
    let mut world = world();
    for (width, pixels) in [(1, 1), (1, 1000), (1000, 1000), (17, 17 * 9)] {
        world.show(&Picture::new(width, vec![[9; 3]; pixels]).unwrap());
        draw(&world);
    }
}

#[test]
fn a_frame_that_lies_about_its_size_is_left_alone() {
    let world = world();
    let [mut luma, mut u, mut v] = [vec![1; 100], vec![1; 25], vec![1; 25]];
    for (width, height) in [(0, 0), (1, 1), (640, 480), (10, 1000)] {
        world.draw(&mut Frame {
            width,
            height,
            planes: [(&mut luma, 10), (&mut u, 5), (&mut v, 5)],
        });
    }
    assert!(luma.iter().chain(&u).chain(&v).all(|byte| *byte == 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_it_is_driven_it_stays_in_the_crater_and_out_of_rocks(
        drives in prop::collection::vec(((-1.0..=1.0), (-1.0..=1.0), 0.0..20.0), 1..30),
    ) {
        let mut world = world();
        for (left, right, time) in drives {
            world.advance([left, right], seconds(time));
            let Pose { x, y, theta } = world.pose();
            prop_assert!(x.hypot(y) < 37.0 && theta.is_finite(), "{x} {y} {theta}");
            let inside = world.obstacles.iter().any(|rock| {
                (world.rover.x - rock.x).hypot(world.rover.y - rock.y) < rock.radius
            });
            prop_assert!(!inside, "in a rock at {x} {y}");
        }
        draw(&world);
    }
}
