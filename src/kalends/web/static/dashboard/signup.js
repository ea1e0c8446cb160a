// The sign-up form: proposes an address from the company's name and the time zone of this device.

const slug = document.getElementById("id_slug");
const company = document.getElementById("id_company");
const zone = document.getElementById("id_timezone");

function proposal(name) {
  return name.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase()
    .replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 50);
}

let own = slug.value !== "" && slug.value !== proposal(company.value);
slug.addEventListener("input", () => { own = slug.value !== ""; });
company.addEventListener("input", () => { if (!own) slug.value = proposal(company.value); });

if (zone.dataset.detect) {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  // Older spellings are not in the list, but they are zones all the same.
  if (here && ![...zone.options].some((option) => option.value === here)) zone.add(new Option(here, here));
  if (here) zone.value = here;
}
