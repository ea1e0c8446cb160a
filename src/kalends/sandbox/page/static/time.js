// Wall times as text, "2026-11-24T10:00": the browser's own zone never matters, so all arithmetic is done in UTC.
export const DAY = 1440;

export const minutes = (wall) => Number(wall.slice(11, 13)) * 60 + Number(wall.slice(14, 16));
export const dayOf = (wall) => wall.slice(0, 10);

export function addDays(day, count) {
  return new Date(Date.parse(`${day}T00:00Z`) + count * 864e5).toISOString().slice(0, 10);
}

export function addMinutes(wall, count) {
  return new Date(Date.parse(`${wall}Z`) + count * 6e4).toISOString().slice(0, 16);
}

export const between = (from, to) => Math.round((Date.parse(`${to}Z`) - Date.parse(`${from}Z`)) / 6e4);
export const daysBetween = (from, to) => Math.round((Date.parse(to) - Date.parse(from)) / 864e5);
export const at = (day, minute) => addMinutes(`${day}T00:00`, minute);
export const clock = (wall) => wall.slice(11, 16);

export function format(day, options) {
  return new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options }).format(new Date(`${day}T00:00Z`));
}
