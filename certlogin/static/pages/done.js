// 证书下载成功: C2. One click leaves; a second one must not send the form again.

const form = document.querySelector("form");
if (form) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
