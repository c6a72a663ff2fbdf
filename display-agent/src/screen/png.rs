//! A PNG file as a screen: for a console, for a machine without a panel, and for tests.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use daemon::atomic_file;
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::frame::Frame;
use super::sink::{Fault, Sink};
use crate::bitmap::{HEIGHT, WIDTH};

/// A file that is replaced whole, so that who reads it never sees half a picture.
#[derive(Clone, Debug)]
pub struct PngFile {
    path: PathBuf,
}

impl PngFile {
    /// A screen that is the file at `path`.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    fn write(&self, frame: &Frame) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        atomic_file::replace_unsynced(&self.path, &encoded(frame)?)
    }
}

impl Sink for PngFile {
    fn show(&mut self, frame: &Frame) -> Result<(), Fault> {
        self.write(frame).map_err(|error| Fault {
            what: format!("cannot write {}: {error}", self.path.display()),
            remedy: "give display-agent a folder it may write to, with room in it".into(),
        })
    }
}

/// A frame as the bytes of a PNG.
pub fn encoded(frame: &Frame) -> io::Result<Vec<u8>> {
    let rgb: Vec<u8> = frame
        .pixels()
        .iter()
        .flat_map(|pixel| {
            let pixel = Rgb888::from(*pixel);
            [pixel.r(), pixel.g(), pixel.b()]
        })
        .collect();
    let mut png = Vec::new();
    PngEncoder::new(&mut png)
        .write_image(&rgb, WIDTH, HEIGHT, ExtendedColorType::Rgb8)
        .map_err(io::Error::other)?;
    Ok(png)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/display.png");
        let mut sink = PngFile::new(&path);
        let mut frame = Frame::black();
        sink.show(&frame).unwrap();
        frame.clear(Rgb888::WHITE).unwrap();
        sink.show(&frame).unwrap();
        let image = image::open(&path).unwrap().into_rgb8();
        assert_eq!(image.dimensions(), (320, 240));
        assert!(image.pixels().all(|p| p.0 == [255; 3]));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_is_explained() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let fault = PngFile::new(&folder.path().join("file/display.png"))
            .show(&Frame::black())
            .unwrap_err();
        assert!(fault.what.contains("file/display.png"), "{fault}");
    }
}
