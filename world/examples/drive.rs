//! A short drive as PNG files, one a picture, in a folder: what the README shows.
//!
//! usage: cargo run --release -p world --example drive -- FOLDER SCREEN.png

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Duration;

use world::{Frame, Picture, World};

/// Pixels of a picture; it is drawn in twice the size, for smooth edges.
const WIDTH: usize = 480;
const HEIGHT: usize = 300;

/// From picture to picture.
const STEP: Duration = Duration::from_millis(80);

/// Left and right throttle, and for how many pictures: out past the screen, a turn, and back to
/// where the tracks are seen.
const DRIVE: [([f64; 2], usize); 7] = [
    ([0.0, 0.0], 4),
    ([0.75, 0.75], 26),
    ([0.8, 0.45], 14),
    ([0.8, 0.8], 16),
    ([-0.45, 0.45], 15),
    ([0.45, 0.8], 18),
    ([0.0, 0.0], 6),
];

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [folder, screen] = &paths[..] else {
        return Err("usage: drive FOLDER SCREEN.png".into());
    };
    std::fs::create_dir_all(folder)?;
    let mut world = World::new(7);
    world.show(&read(screen)?);
    let steps = DRIVE
        .into_iter()
        .flat_map(|(throttles, times)| std::iter::repeat_n(throttles, times));
    for (number, throttles) in steps.enumerate() {
        world.advance(throttles, STEP);
        write(&folder.join(format!("{number:03}.png")), &rgb(&world))?;
    }
    Ok(())
}

/// A picture of 8 bits of red, green and blue.
fn read(path: &Path) -> Result<Picture> {
    let mut reader = png::Decoder::new(BufReader::new(File::open(path)?)).read_info()?;
    let mut bytes = vec![0; reader.output_buffer_size().ok_or("it is too large")?];
    let info = reader.next_frame(&mut bytes)?;
    let rgb = bytes.chunks_exact(3).map(|rgb| [rgb[0], rgb[1], rgb[2]]);
    Ok(Picture::new(info.width as usize, rgb.collect()).ok_or("it has no whole rows")?)
}

fn write(path: &Path, rgb: &[u8]) -> Result<()> {
    let mut encoder = png::Encoder::new(File::create(path)?, WIDTH as u32, HEIGHT as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header()?.write_image_data(rgb)?;
    Ok(())
}

/// What the camera sees, at half the size it is drawn in.
fn rgb(world: &World) -> Vec<u8> {
    let (width, height) = (2 * WIDTH, 2 * HEIGHT);
    let mut luma = vec![0; width * height];
    let [mut u, mut v] = [(); 2].map(|()| vec![0; WIDTH * HEIGHT]);
    world.draw(&mut Frame {
        width,
        height,
        planes: [(&mut luma, width), (&mut u, WIDTH), (&mut v, WIDTH)],
    });
    let pixel = |at: usize| {
        let corner = at / WIDTH * 2 * width + at % WIDTH * 2;
        let four = [corner, corner + 1, corner + width, corner + width + 1];
        let mean = four.iter().map(|at| f32::from(luma[*at])).sum::<f32>() / 4.0;
        let [y, u, v] = [
            mean - 16.0,
            f32::from(u[at]) - 128.0,
            f32::from(v[at]) - 128.0,
        ];
        // ITU-R BT.601, studio range.
        [
            1.164 * y + 1.596 * v,
            1.164 * y - 0.392 * u - 0.813 * v,
            1.164 * y + 2.017 * u,
        ]
        .map(|part| part as u8)
    };
    (0..WIDTH * HEIGHT).flat_map(pixel).collect()
}
