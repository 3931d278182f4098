//! Which sizes of matrices a card's units multiply, and which of them are used.

use super::super::programs::Element;

/// What is multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Factor {
    /// Half precision, summed in single.
    Half,
    /// Signed bytes, summed in whole numbers of 32 bits.
    Bytes,
}

/// One size that a card's units multiply at once, by one subgroup: `rows` × `depth` times `depth` × `columns`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fragments {
    pub(super) factor: Factor,
    pub(super) rows: u32,
    pub(super) columns: u32,
    pub(super) depth: u32,
}

impl Factor {
    pub(super) const ALL: [Self; 2] = [Self::Half, Self::Bytes];

    pub(super) const fn of(element: Element) -> Option<Self> {
        match element {
            Element::Single => None,
            Element::Half => Some(Self::Half),
            Element::Bytes => Some(Self::Bytes),
        }
    }

    pub(super) const fn bytes(self) -> u32 {
        match self {
            Self::Half => 2,
            Self::Bytes => 1,
        }
    }
}

impl Fragments {
    /// Bytes of a line: of a row of the left factor, of a column of the right one.
    pub(super) const fn line_bytes(self) -> u32 {
        self.depth.saturating_mul(self.factor.bytes())
    }

    /// Whether a kernel of ours can be written for it: lines that vectors of 16 bytes make up and that a step of a tile is made of, and sides that a
    /// subgroup's part of a tile is made of.
    pub(super) const fn is_usable(self) -> bool {
        matches!(self.line_bytes(), 16 | 32 | 64) && matches!(self.rows, 8 | 16) && matches!(self.columns, 8 | 16)
    }
}

/// The one to use: what does most at once, as less is loaded for it.
pub(super) fn best(offered: &[Fragments], factor: Factor) -> Option<Fragments> {
    let fit = offered.iter().copied().filter(|one| one.factor == factor && one.is_usable());
    fit.max_by_key(|one| one.rows * one.columns * one.depth)
}

/// What the card's driver offers, for subgroups, as products of matrices of one kind that are summed in another.
#[cfg(not(target_vendor = "apple"))]
pub(super) fn of(adapter: &wgpu::Adapter) -> Vec<Fragments> {
    use ash::{
        khr::cooperative_matrix,
        vk::{PhysicalDeviceFeatures2, PhysicalDeviceShaderFloat16Int8Features},
    };
    use wgpu::hal::api::Vulkan;

    // SAFETY: nothing is destroyed or changed through it.
    let Some(card) = (unsafe { adapter.as_hal::<Vulkan>() }) else { return Vec::new() };
    if !card.physical_device_capabilities().supports_extension(cooperative_matrix::NAME) {
        return Vec::new();
    }
    let (instance, raw) = (card.shared_instance(), card.raw_physical_device());
    let asked = cooperative_matrix::Instance::new(instance.entry(), instance.raw_instance());
    // SAFETY: the card is one of this instance, and has the extension that the function belongs to.
    let told = unsafe { asked.get_physical_device_cooperative_matrix_properties(raw) };
    let (mut small, has_halves) = (PhysicalDeviceShaderFloat16Int8Features::default(), adapter.features());
    let mut features = PhysicalDeviceFeatures2::default().push_next(&mut small);
    // SAFETY: the same; whoever has the extension has Vulkan 1.1.
    unsafe { instance.raw_instance().get_physical_device_features2(raw, &mut features) };
    let has = |one: &Fragments| match one.factor {
        Factor::Half => has_halves.contains(wgpu::Features::SHADER_F16),
        // The library opens a card with them wherever there are some.
        Factor::Bytes => small.shader_int8 == ash::vk::TRUE,
    };
    told.unwrap_or_default().iter().filter_map(fragments).filter(has).collect()
}

/// Metal's matrices are multiplied by the ordinary units, at their speed.
#[cfg(target_vendor = "apple")]
pub(super) fn of(_adapter: &wgpu::Adapter) -> Vec<Fragments> {
    Vec::new()
}

#[cfg(not(target_vendor = "apple"))]
fn fragments(told: &ash::vk::CooperativeMatrixPropertiesKHR<'_>) -> Option<Fragments> {
    use ash::vk::{ComponentTypeKHR as Of, ScopeKHR};

    let factor = match [told.a_type, told.b_type, told.c_type, told.result_type] {
        [Of::FLOAT16, Of::FLOAT16, Of::FLOAT32, Of::FLOAT32] => Factor::Half,
        [Of::SINT8, Of::SINT8, Of::SINT32, Of::SINT32] => Factor::Bytes,
        _ => return None,
    };
    let is_ours = told.scope == ScopeKHR::SUBGROUP && told.saturating_accumulation == ash::vk::FALSE;
    is_ours.then_some(Fragments { factor, rows: told.m_size, columns: told.n_size, depth: told.k_size })
}

#[cfg(all(test, not(target_vendor = "apple")))]
mod tests {
    use ash::vk::{ComponentTypeKHR as Of, CooperativeMatrixPropertiesKHR as Told, ScopeKHR};

    use super::*;

    fn told(sizes: (u32, u32, u32), factors: Of, sums: Of) -> Told<'static> {
        let (m_size, n_size, k_size) = sizes;
        Told {
            m_size,
            n_size,
            k_size,
            a_type: factors,
            b_type: factors,
            c_type: sums,
            result_type: sums,
            scope: ScopeKHR::SUBGROUP,
            ..Told::default()
        }
    }

    fn chosen(offer: &[Told<'_>]) -> [Option<(u32, u32, u32)>; 2] {
        let offered: Vec<Fragments> = offer.iter().filter_map(fragments).collect();
        Factor::ALL.map(|factor| best(&offered, factor).map(|one| (one.rows, one.columns, one.depth)))
    }

    #[test]
    fn of_what_drivers_offer_the_largest_usable_size_with_wide_sums_is_taken() {
        let half = |sizes| told(sizes, Of::FLOAT16, Of::FLOAT32);
        let bytes = |sizes| told(sizes, Of::SINT8, Of::SINT32);
        let narrow = told((16, 16, 32), Of::FLOAT16, Of::FLOAT16);
        let unsigned = told((16, 16, 64), Of::UINT8, Of::UINT32);
        let nvidia =
            [narrow, half((16, 8, 8)), half((16, 16, 16)), half((16, 8, 16)), unsigned, bytes((16, 16, 32)), bytes((16, 8, 32))];
        assert_eq!(chosen(&nvidia), [Some((16, 16, 16)), Some((16, 16, 32))]);
        let amd = [
            narrow,
            half((16, 16, 16)),
            unsigned,
            Told { saturating_accumulation: 1, ..bytes((16, 16, 32)) },
            bytes((16, 16, 16)),
        ];
        assert_eq!(chosen(&amd), [Some((16, 16, 16)), Some((16, 16, 16))]);
        let intel = [half((8, 8, 16)), bytes((8, 8, 32))];
        assert_eq!(chosen(&intel), [Some((8, 8, 16)), Some((8, 8, 32))]);
    }

    #[test]
    fn what_no_kernel_is_written_for_is_as_if_it_were_not_offered() {
        let of_workgroups = Told { scope: ScopeKHR::WORKGROUP, ..told((16, 16, 16), Of::FLOAT16, Of::FLOAT32) };
        let mixed = Told { b_type: Of::UINT8, ..told((16, 16, 32), Of::SINT8, Of::SINT32) };
        let odd = [(64, 16, 16), (16, 12, 16), (16, 16, 0), (16, 16, 4), (16, 16, 24), (16, 16, 64)];
        let odd = odd.map(|sizes| told(sizes, Of::FLOAT16, Of::FLOAT32));
        assert_eq!(chosen(&[]), [None, None]);
        assert_eq!(chosen(&[of_workgroups, mixed]), [None, None]);
        assert_eq!(chosen(&odd), [None, None]);
    }
}
