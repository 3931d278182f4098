//! Bakes the built UI and the configuration into the window.

fn main() {
    println!("cargo:rerun-if-changed=../ui/build");
    println!("cargo:rerun-if-env-changed=TAURI_CONFIG");
    // TAURI_CONFIG may name another folder; then the folder's absence is reported by what reads it.
    let built = std::path::Path::new("../ui/build/index.html").is_file();
    if !built && std::env::var_os("TAURI_CONFIG").is_none() {
        println!(
            "cargo::error=The UI is not built, and the window carries it inside. Run `npm ci && npm run build` in ui/ first."
        );
        return;
    }
    tauri_build::build();
}
