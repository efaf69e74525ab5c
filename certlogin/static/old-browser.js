// Run only by browsers that know no modules (Firefox 45 on old Loongson desktops): ES5.
(function () {
  var notice = document.getElementById("old-browser");
  if (notice && !("noModule" in document.createElement("script"))) notice.hidden = false;
})();
