declare module "swagger-ui-dist/swagger-ui-es-bundle.js" {
  interface Options {
    url: string;
    dom_id: string;
    docExpansion: "list" | "full" | "none";
    defaultModelsExpandDepth: number;
    tryItOutEnabled: boolean;
    persistAuthorization: boolean;
    validatorUrl: string | null;
    queryConfigEnabled: boolean;
    deepLinking: boolean;
  }
  export default function SwaggerUI(options: Options): unknown;
}
