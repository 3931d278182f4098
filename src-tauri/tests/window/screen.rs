//! What is really on the screen: pictures taken from the X server, as a person would see them.
//!
//! The driver's own screenshot was rejected: it waits for the page's next paint, and a page with nothing to change is not
//! painted again.

use std::{
    fs::File,
    io::BufWriter,
    time::{Duration, Instant},
};

use x11rb::{
    connection::Connection as _,
    protocol::xproto::{ConnectionExt as _, ImageFormat, MapState, Window},
    rust_connection::RustConnection,
};

use crate::stage::{SOON, kept};

/// How long a window that has just changed is left alone before its picture is taken: fonts and fades need it.
const SETTLE: Duration = Duration::from_millis(1_500);

/// Between two looks at a window that does not show yet what it should.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Lamp amber as the X server holds it: blue, green, red. The same in both themes.
const LAMP_BGR: [u8; 3] = [0x2e, 0xb5, 0xff];

/// Fewer pixels of it are no lamp: it is eleven wide in the headline alone.
const LAMP_PIXELS_MIN: usize = 40;

/// Pixels as the server holds them: blue, green, red, unused.
pub(crate) struct Pixels {
    width: u16,
    height: u16,
    bgrx: Vec<u8>,
}

/// Keeps a picture of the largest window on `screen` for people, as soon as something is drawn in it that is `enough`.
pub(crate) async fn keep_picture(screen: &str, name: &str, enough: impl Fn(&Pixels) -> bool) {
    tokio::time::sleep(SETTLE).await;
    let deadline = Instant::now() + SOON;
    loop {
        let seen = look(screen);
        let shows = seen.as_ref().is_some_and(|pixels| !pixels.is_blank() && enough(pixels));
        if shows || Instant::now() >= deadline {
            // Kept in any case: what a window showed instead is what people will ask.
            seen.iter().for_each(|pixels| pixels.write(name));
            assert!(shows, "{name} does not show what it should");
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Keeps a picture of whatever is there, if anything is.
pub(crate) fn try_picture(screen: &str, name: &str) {
    if let Some(pixels) = look(screen) {
        pixels.write(name);
    }
}

fn look(screen: &str) -> Option<Pixels> {
    let (connection, number) = x11rb::connect(Some(screen)).ok()?;
    let root = connection.setup().roots[number].root;
    pixels_of(&connection, largest(&connection, root)?)
}

fn largest(connection: &RustConnection, root: Window) -> Option<Window> {
    let children = connection.query_tree(root).ok()?.reply().ok()?.children;
    let sized = children.into_iter().filter_map(|window| {
        // A window may go between two questions; then it is not the one we look for.
        let attributes = connection.get_window_attributes(window).ok()?.reply().ok()?;
        let geometry = connection.get_geometry(window).ok()?.reply().ok()?;
        let area = u32::from(geometry.width) * u32::from(geometry.height);
        (attributes.map_state == MapState::VIEWABLE).then_some((area, window))
    });
    sized.max().map(|(_, window)| window)
}

fn pixels_of(connection: &RustConnection, window: Window) -> Option<Pixels> {
    let geometry = connection.get_geometry(window).ok()?.reply().ok()?;
    let (width, height) = (geometry.width, geometry.height);
    let image = connection.get_image(ImageFormat::Z_PIXMAP, window, 0, 0, width, height, !0).ok()?;
    let bgrx = image.reply().ok()?.data;
    assert_eq!(bgrx.len(), usize::from(width) * usize::from(height) * 4, "Xvfb was started with 24 bits in 4 bytes");
    Some(Pixels { width, height, bgrx })
}

impl Pixels {
    /// Whether the lamp is lit: amber has no other use.
    pub(crate) fn shows_the_lamp(&self) -> bool {
        self.bgrx.chunks_exact(4).filter(|pixel| pixel[..3] == LAMP_BGR).count() >= LAMP_PIXELS_MIN
    }

    fn is_blank(&self) -> bool {
        let mut pixels = self.bgrx.chunks_exact(4).map(|pixel| &pixel[..3]);
        let first = pixels.next();
        pixels.all(|pixel| Some(pixel) == first)
    }

    fn write(&self, name: &str) {
        let file = File::create(kept(&format!("{name}.png"))).expect("below target");
        let mut encoder = png::Encoder::new(BufWriter::new(file), self.width.into(), self.height.into());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let rgb: Vec<u8> = self.bgrx.chunks_exact(4).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
        encoder.write_header().and_then(|mut writer| writer.write_image_data(&rgb)).expect("below target");
    }
}
