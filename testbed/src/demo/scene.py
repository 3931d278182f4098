"""A few lit spheres on a floor, rendered with Cycles to /work/frame.png."""
import math

import bpy

bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene


def material(name, color, roughness, metallic):
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    shader = made.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*color, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Metallic"].default_value = metallic
    return made


bpy.ops.mesh.primitive_plane_add(size=30)
bpy.context.object.data.materials.append(material("floor", (0.35, 0.35, 0.38), 0.6, 0.0))
for step in range(7):
    turn = step / 7 * 2 * math.pi
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.6, location=(2 * math.cos(turn), 2 * math.sin(turn), 0.6))
    bpy.ops.object.shade_smooth()
    color = (0.2 + 0.1 * step, 0.3, 0.9 - 0.1 * step)
    bpy.context.object.data.materials.append(material(f"ball {step}", color, 0.15 + 0.1 * step, step % 2))

bpy.ops.object.light_add(type="AREA", location=(4, -4, 6))
bpy.context.object.data.energy = 900
bpy.context.object.data.size = 4
bpy.ops.object.camera_add(location=(0, -8, 4.5), rotation=(math.radians(62), 0, 0))
scene.camera = bpy.context.object

scene.render.engine = "CYCLES"
scene.cycles.device = "CPU"
scene.cycles.samples = 24
scene.cycles.use_denoising = False
scene.render.resolution_x = 320
scene.render.resolution_y = 180
scene.render.resolution_percentage = 100
scene.render.image_settings.file_format = "PNG"
scene.render.filepath = "/work/frame.png"
bpy.ops.render.render(write_still=True)
