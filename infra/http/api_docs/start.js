/* Shows the description of the API that this page comes from; asks nobody else. */

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  docExpansion: "list",
  queryConfigEnabled: false, // a link must not make this page show the API of somebody else
  validatorUrl: null,
});
