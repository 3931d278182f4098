//! A frame drawn by Blender's Cycles on the processor.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use headframe_protocol::ImageRef;

/// The scene: what a studio would send as a `.blend`, small enough to read.
const SCENE: &str = include_str!("scene.py");

/// Width and height of the frame, as in the scene.
const SIZE: (u32, u32) = (320, 180);

/// Every PNG begins with this, then the header chunk with width and height.
const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Writes the scene into `desk` and answers with the job file.
pub(super) fn prepare(desk: &Path, image: &ImageRef) -> Result<String> {
    std::fs::write(desk.join("scene.py"), SCENE).context("could not write the scene")?;
    Ok(format!(
        "name: one frame with Cycles
image: {image}
command: [blender]
args: [--background, --factory-startup, -noaudio, --python-exit-code, '1', --python, scene.py]
inputs:
  - file: scene.py
outputs: [frame.png]
resources: {{cpu: 1, memory_gib: 2, disk_gib: 2}}
timeout_s: 900
max_price_per_hour: '500000'
"
    ))
}

/// Reads the size out of the file.
pub(super) fn verify(file: &Path) -> Result<String> {
    let bytes = std::fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
    let header = bytes.strip_prefix(PNG_SIGNATURE).filter(|rest| rest.get(4..8) == Some(b"IHDR"));
    let header = header.context("the result is not a PNG")?;
    let number = |at: usize| header.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_be_bytes);
    let size = (number(8), number(12));
    ensure!(size == SIZE, "the frame is {} by {} and not {} by {}", size.0, size.1, SIZE.0, SIZE.1);
    // An empty frame of this size is under a kilobyte.
    ensure!(bytes.len() > 10_000, "the frame is empty");
    Ok(format!("PNG, {} by {}, {} bytes", size.0, size.1, bytes.len()))
}
