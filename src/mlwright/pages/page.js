const box = document.getElementById("find");
if (box) {
  const cards = [...document.querySelectorAll("[data-name]")];
  box.addEventListener("input", () => {
    const asked = box.value.trim().toLowerCase();
    for (const card of cards) card.hidden = !card.dataset.name.toLowerCase().includes(asked);
  });
}
