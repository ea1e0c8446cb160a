// Side by side what overlaps: each part gets a lane among as many lanes as its cluster needs.
export function layout(parts) {
  const sorted = [...parts].sort((a, b) => a.from - b.from || b.to - a.to);
  const result = [];
  let cluster = [];
  let end = -1;
  const close = () => {
    const lanes = Math.max(0, ...cluster.map((part) => part.lane + 1));
    for (const part of cluster) result.push({ ...part, lanes });
    cluster = [];
  };
  for (const part of sorted) {
    if (part.from >= end) close();
    const taken = new Set(cluster.filter((other) => other.to > part.from).map((other) => other.lane));
    let lane = 0;
    while (taken.has(lane)) lane += 1;
    cluster.push({ ...part, lane });
    end = Math.max(cluster.length > 1 ? end : -1, part.to);
  }
  close();
  return result;
}
