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

use crate::stage::picture;

/// How long a window that has just changed is left alone before its picture is taken: fonts and fades need it.
const SETTLE: Duration = Duration::from_millis(1_500);

/// How long a window may stay blank; a software renderer on two busy cores takes some twenty seconds at worst.
const PAINT_MAX: Duration = Duration::from_secs(25);

/// Between two looks at a window that is still blank.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Pixels as the server holds them: blue, green, red, unused.
struct Pixels {
    width: u16,
    height: u16,
    bgrx: Vec<u8>,
}

/// Keeps a picture of the largest window on `screen` for people. Fails if there is none or nothing is drawn in it.
pub(crate) async fn keep_picture(screen: &str, name: &str) {
    tokio::time::sleep(SETTLE).await;
    let (connection, number) = x11rb::connect(Some(screen)).expect("the screen of this test");
    let root = connection.setup().roots[number].root;
    let deadline = Instant::now() + PAINT_MAX;
    let pixels = loop {
        let seen = largest(&connection, root).map(|window| pixels_of(&connection, window));
        match seen {
            Some(pixels) if !pixels.is_blank() => break pixels,
            Some(_) => assert!(Instant::now() < deadline, "the window stays blank"),
            None => assert!(Instant::now() < deadline, "there is no window on {screen}"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    pixels.write(name);
}

fn largest(connection: &RustConnection, root: Window) -> Option<Window> {
    let children = connection.query_tree(root).expect("asked").reply().expect("the root has a tree").children;
    let sized = children.into_iter().filter_map(|window| {
        // A window may go between two questions; then it is not the one we look for.
        let attributes = connection.get_window_attributes(window).ok()?.reply().ok()?;
        let geometry = connection.get_geometry(window).ok()?.reply().ok()?;
        let area = u32::from(geometry.width) * u32::from(geometry.height);
        (attributes.map_state == MapState::VIEWABLE).then_some((area, window))
    });
    sized.max().map(|(_, window)| window)
}

fn pixels_of(connection: &RustConnection, window: Window) -> Pixels {
    let geometry = connection.get_geometry(window).expect("asked").reply().expect("it was just there");
    let (width, height) = (geometry.width, geometry.height);
    let image = connection.get_image(ImageFormat::Z_PIXMAP, window, 0, 0, width, height, !0).expect("asked");
    let bgrx = image.reply().expect("the window is on the screen as a whole").data;
    assert_eq!(bgrx.len(), usize::from(width) * usize::from(height) * 4, "Xvfb was started with 24 bits in 4 bytes");
    Pixels { width, height, bgrx }
}

impl Pixels {
    fn is_blank(&self) -> bool {
        let mut pixels = self.bgrx.chunks_exact(4).map(|pixel| &pixel[..3]);
        let first = pixels.next();
        pixels.all(|pixel| Some(pixel) == first)
    }

    fn write(&self, name: &str) {
        let file = File::create(picture(name)).expect("below target");
        let mut encoder = png::Encoder::new(BufWriter::new(file), self.width.into(), self.height.into());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let rgb: Vec<u8> = self.bgrx.chunks_exact(4).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
        encoder.write_header().and_then(|mut writer| writer.write_image_data(&rgb)).expect("below target");
    }
}
